-- Once per tax code of its lines, void invoices included.
-- partition: invoice_id
with

invoices as (
    select * from core.fct_invoice
    where is_live or is_void
),

codes as (
    select
        invoice_id,
        tax_code
    from core.fct_invoice_line
    group by invoice_id, tax_code
),

sides as (
    select
        invoice_id,
        tax_code,
        1 as copies
    from core.fct_invoice_tax
    union all by name
    select
        invoices.invoice_id,
        coalesce(codes.tax_code, '(none)') as tax_code,
        -1 as copies
    from invoices
    left join codes on invoices.invoice_id = codes.invoice_id
)

select
    invoice_id,
    tax_code,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
