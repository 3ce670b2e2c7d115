-- Base and tax by rate add up to the sales book, net and tax are those of the header.
-- partition: invoice_id
with

sides as (
    select
        invoice_id,
        1 as copies,
        base_0::decimal(38, 2) + base_7 + base_10 + base_15 + base_other as base,
        tax_0::decimal(38, 2) + tax_7 + tax_10 + tax_15 + tax_other as tax_by_rate,
        net,
        tax,
        total
    from reporting.itbms_sales_book_wide
    union all by name
    select
        invoice_id,
        0 as copies,
        -net as base,
        -tax as tax_by_rate,
        0 as net,
        0 as tax,
        -total as total
    from reporting.itbms_sales_book
    union all by name
    -- A void invoice is in the books with 0.
    select
        invoice_id,
        -1 as copies,
        0 as base,
        0 as tax_by_rate,
        if(is_void, 0, -invoice_subtotal) as net,
        if(is_void, 0, -invoice_tax) as tax,
        0 as total
    from core.fct_invoice
    where is_live or is_void
)

select
    invoice_id,
    sum(copies) as copies,
    sum(base) as base_difference,
    sum(tax_by_rate) as tax_by_rate_difference,
    sum(net) as net_difference,
    sum(tax) as tax_difference,
    sum(total) as total_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(base) and sum(base) <> 0)
    or (count(*) = count(tax_by_rate) and sum(tax_by_rate) <> 0)
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
    or (count(*) = count(total) and sum(total) <> 0)
