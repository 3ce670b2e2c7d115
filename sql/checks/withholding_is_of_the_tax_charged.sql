-- By customer, month and currency.
with

ours as (
    select
        customer_id,
        currency,
        month_on,
        if(count(*) = count(tax), sum(tax), null) as tax
    from reporting.itbms_withholding_candidates
    group by all
),

theirs as (
    select
        customer_id,
        currency,
        date_trunc('month', document_on)::date as month_on,
        if(count(*) = count(invoice_tax), sum(invoice_tax), null) as tax
    from core.fct_invoice
    where is_live and customer_id <> '(none)'
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.currency, theirs.currency) as currency,
        coalesce(ours.month_on, theirs.month_on) as month_on,
        ours.tax,
        theirs.tax as source_tax
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.currency = theirs.currency
            and ours.month_on = theirs.month_on
    where
        ours.tax <> theirs.tax
        or (ours.customer_id is null and theirs.tax <> 0)
        or (theirs.customer_id is null and ours.tax <> 0)
)

select * from compared
