-- The sales book only adds names: it has the same rows, with the same amounts.
-- partition: invoice_id
with

sides as (
    select
        invoice_id,
        tax_code,
        net,
        tax,
        total,
        1 as copies
    from reporting.itbms_sales_book
    union all by name
    select
        invoice_id,
        tax_code,
        -net as net,
        -tax as tax,
        -total as total,
        -1 as copies
    from core.fct_invoice_tax
)

select
    invoice_id,
    tax_code,
    sum(copies) as copies,
    sum(net) as net_difference,
    sum(tax) as tax_difference,
    sum(total) as total_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
    or (count(*) = count(total) and sum(total) <> 0)
