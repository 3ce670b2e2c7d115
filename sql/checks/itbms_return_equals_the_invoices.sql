-- The boxes add up to the net and tax of live invoices, per month and currency.
with

boxes as (
    select box from staging.itbms_boxes
    where filled_with in ('sales', 'returns')
    union all
    select '(none)' as box
),

sides as (
    select
        filled.month_on,
        filled.currency,
        filled.base,
        filled.tax
    from reporting.itbms_return as filled
    semi join boxes on filled.box = boxes.box
    union all by name
    select
        date_trunc('month', tax_on)::date as month_on,
        currency,
        -invoice_subtotal as base,
        -invoice_tax as tax
    from core.fct_invoice
    where is_live
)

select
    month_on,
    currency,
    sum(base) as base_difference,
    sum(tax) as tax_difference
from sides
group by all
having
    (count(*) = count(base) and sum(base) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
