-- Net, tax and number of live invoices.
with

ours as (
    select
        day_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net,
        if(count(*) = count(tax), sum(tax), null) as tax,
        sum(documents) as documents
    from reporting.sales_daily
    group by all
),

theirs as (
    select
        document_on as day_on,
        currency,
        if(count(*) = count(invoice_subtotal), sum(invoice_subtotal), null) as net,
        if(count(*) = count(invoice_tax), sum(invoice_tax), null) as tax,
        count(*) as documents
    from core.fct_invoice
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.day_on, theirs.day_on) as day_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net,
        ours.tax,
        theirs.tax as source_tax,
        ours.documents,
        theirs.documents as source_documents
    from ours
    full join theirs
        on
            ours.day_on = theirs.day_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.day_on is null and theirs.net <> 0)
        or (theirs.day_on is null and ours.net <> 0)
        or ours.tax <> theirs.tax
        or (ours.day_on is null and theirs.tax <> 0)
        or (theirs.day_on is null and ours.tax <> 0)
        or ours.documents <> theirs.documents
        or (ours.day_on is null and theirs.documents <> 0)
        or (theirs.day_on is null and ours.documents <> 0)
)

select * from compared
