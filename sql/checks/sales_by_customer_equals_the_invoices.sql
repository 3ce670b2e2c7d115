-- Net and number of live invoices, per customer, month and currency.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        month_on,
        currency,
        net,
        documents
    from reporting.sales_by_customer
    union all by name
    select
        customer_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        -invoice_subtotal as net,
        -1 as documents
    from core.fct_invoice
    where is_live
)

select
    customer_id,
    month_on,
    currency,
    sum(net) as net_difference,
    sum(documents) as documents_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(documents) and sum(documents) <> 0)
