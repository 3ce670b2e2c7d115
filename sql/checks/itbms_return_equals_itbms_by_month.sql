-- Base and tax charged, per month and currency. The tax in the boxes is that of the
-- headers, from which the tax by lines may differ by rounding.
with

months as (
    select
        month_on,
        currency,
        sum(taxable_base::decimal(38, 2) + exempt_base) as base,
        any_value(month_tax_charged) as tax,
        count(*) = count(taxable_base) and count(*) = count(exempt_base) as is_known
    from reporting.itbms_by_month
    group by month_on, currency
),

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
        month_on,
        currency,
        if(is_known, -base, null) as base,
        -tax as tax
    from months
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
