-- Net, tax, total and number of live invoices, per month and currency.
with

sides as (
    select
        month_on,
        currency,
        net,
        tax,
        total,
        documents
    from reporting.sales_by_month
    union all by name
    select
        date_trunc('month', document_on)::date as month_on,
        currency,
        -invoice_subtotal as net,
        -invoice_tax as tax,
        -invoice_total as total,
        -1 as documents
    from core.fct_invoice
    where is_live
)

select
    month_on,
    currency,
    sum(net) as net_difference,
    sum(tax) as tax_difference,
    sum(total) as total_difference,
    sum(documents) as documents_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
    or (count(*) = count(total) and sum(total) <> 0)
    or (count(*) = count(documents) and sum(documents) <> 0)
