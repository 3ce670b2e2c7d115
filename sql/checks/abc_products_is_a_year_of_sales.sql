-- The 12 months to the as-of day.
with

ours as (
    select
        product_id,
        currency,
        if(count(*) = count(net), sum(net), null) as net
    from reporting.abc_products
    group by all
),

theirs as (
    select
        product_id,
        currency,
        if(count(*) = count(line_net), sum(line_net), null) as net
    from core.fct_invoice_line
    where
        is_live
        and document_on > (select as_of.as_of_on - interval 12 months from core.as_of)
        and document_on <= (select as_of.as_of_on from core.as_of)
    group by all
),

compared as (
    select
        coalesce(ours.product_id, theirs.product_id) as product_id,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net
    from ours
    full join theirs
        on
            ours.product_id = theirs.product_id
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.product_id is null and theirs.net <> 0)
        or (theirs.product_id is null and ours.net <> 0)
)

select * from compared
