-- Net and tax of live invoices; void invoices count as 0.
-- partition: invoice_id
with

sides as (
    select
        invoice_id,
        net,
        tax,
        total
    from core.fct_invoice_tax
    union all by name
    select
        invoice_id,
        -invoice_subtotal as net,
        -invoice_tax as tax,
        -invoice_subtotal::decimal(19, 2) - invoice_tax as total
    from core.fct_invoice
    where is_live
)

select
    invoice_id,
    sum(net) as net_difference,
    sum(tax) as tax_difference,
    sum(total) as total_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
    or (count(*) = count(total) and sum(total) <> 0)
