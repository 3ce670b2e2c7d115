-- Net, tax, total and number of live invoices.
with

ours as (
    select
        month_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net,
        if(count(*) = count(tax), sum(tax), null) as tax,
        if(count(*) = count(total), sum(total), null) as total,
        sum(documents) as documents
    from reporting.sales_by_month
    group by all
),

theirs as (
    select
        date_trunc('month', document_on)::date as month_on,
        currency,
        if(count(*) = count(invoice_subtotal), sum(invoice_subtotal), null) as net,
        if(count(*) = count(invoice_tax), sum(invoice_tax), null) as tax,
        if(count(*) = count(invoice_total), sum(invoice_total), null) as total,
        count(*) as documents
    from core.fct_invoice
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.month_on, theirs.month_on) as month_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net,
        ours.tax,
        theirs.tax as source_tax,
        ours.total,
        theirs.total as source_total,
        ours.documents,
        theirs.documents as source_documents
    from ours
    full join theirs
        on
            ours.month_on = theirs.month_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.month_on is null and theirs.net <> 0)
        or (theirs.month_on is null and ours.net <> 0)
        or ours.tax <> theirs.tax
        or (ours.month_on is null and theirs.tax <> 0)
        or (theirs.month_on is null and ours.tax <> 0)
        or ours.total <> theirs.total
        or (ours.month_on is null and theirs.total <> 0)
        or (theirs.month_on is null and ours.total <> 0)
        or ours.documents <> theirs.documents
        or (ours.month_on is null and theirs.documents <> 0)
        or (theirs.month_on is null and ours.documents <> 0)
)

select * from compared
