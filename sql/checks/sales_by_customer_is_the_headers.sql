-- Net and number of live invoices.
with

ours as (
    select
        customer_id,
        month_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net,
        sum(documents) as documents
    from reporting.sales_by_customer
    group by all
),

theirs as (
    select
        customer_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        if(count(*) = count(invoice_subtotal), sum(invoice_subtotal), null) as net,
        count(*) as documents
    from core.fct_invoice
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.month_on, theirs.month_on) as month_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net,
        ours.documents,
        theirs.documents as source_documents
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.month_on = theirs.month_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.customer_id is null and theirs.net <> 0)
        or (theirs.customer_id is null and ours.net <> 0)
        or ours.documents <> theirs.documents
        or (ours.customer_id is null and theirs.documents <> 0)
        or (theirs.customer_id is null and ours.documents <> 0)
)

select * from compared
