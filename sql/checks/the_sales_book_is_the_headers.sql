-- Net and tax of live invoices, by day and currency; void ones are zero.
with

ours as (
    select
        document_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net,
        if(count(*) = count(tax), sum(tax), null) as tax
    from reporting.itbms_sales_book
    group by all
),

theirs as (
    select
        document_on,
        currency,
        if(count(*) = count(invoice_subtotal), sum(invoice_subtotal), null) as net,
        if(count(*) = count(invoice_tax), sum(invoice_tax), null) as tax
    from core.fct_invoice
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.document_on, theirs.document_on) as document_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net,
        ours.tax,
        theirs.tax as source_tax
    from ours
    full join theirs
        on
            ours.document_on = theirs.document_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.document_on is null and theirs.net <> 0)
        or (theirs.document_on is null and ours.net <> 0)
        or ours.tax <> theirs.tax
        or (ours.document_on is null and theirs.tax <> 0)
        or (theirs.document_on is null and ours.tax <> 0)
)

select * from compared
