-- Net, tax and number of live invoices, per day and currency.
with

sides as (
    select
        day_on,
        currency,
        net,
        tax,
        documents
    from reporting.sales_daily
    union all by name
    select
        document_on as day_on,
        currency,
        -invoice_subtotal as net,
        -invoice_tax as tax,
        -1 as documents
    from core.fct_invoice
    where is_live
)

select
    day_on,
    currency,
    sum(net) as net_difference,
    sum(tax) as tax_difference,
    sum(documents) as documents_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
    or (count(*) = count(documents) and sum(documents) <> 0)
