-- Net and tax of live invoices, per day and currency; void invoices count as 0.
-- partition: customer_id
with

sides as (
    select
        document_on,
        currency,
        net,
        tax
    from reporting.itbms_sales_book
    union all by name
    select
        document_on,
        currency,
        -invoice_subtotal as net,
        -invoice_tax as tax
    from core.fct_invoice
    where is_live
)

select
    document_on,
    currency,
    sum(net) as net_difference,
    sum(tax) as tax_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
