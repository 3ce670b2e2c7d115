-- With line 0, which holds what the header has beyond them.
with

ours as (
    select
        invoice_id,
        if(count(*) = count(line_net), sum(line_net), null) as net
    from core.fct_invoice_line
    group by all
),

theirs as (
    select
        invoice_id,
        if(count(*) = count(invoice_subtotal), sum(invoice_subtotal), null) as net
    from core.fct_invoice
    group by all
),

compared as (
    select
        coalesce(ours.invoice_id, theirs.invoice_id) as invoice_id,
        ours.net,
        theirs.net as source_net
    from ours
    full join theirs
        on
            ours.invoice_id = theirs.invoice_id
    where
        ours.net <> theirs.net
        or (ours.invoice_id is null and theirs.net <> 0)
        or (theirs.invoice_id is null and ours.net <> 0)
)

select * from compared
