-- Per month and currency the boxes add up to the net and tax of live invoices, and to
-- itbms_by_month: to its base, and to the tax charged, from which the tax by lines may
-- differ by rounding.
with

boxes as (
    select box from staging.itbms_boxes
    where filled_with in ('sales', 'returns')
    union all
    select '(none)' as box
),

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

sides as (
    select
        unnest(['invoices', 'itbms_by_month']) as summed_in,
        filled.month_on,
        filled.currency,
        filled.base,
        filled.tax
    from reporting.itbms_return as filled
    semi join boxes on filled.box = boxes.box
    union all by name
    select
        'invoices' as summed_in,
        date_trunc('month', tax_on)::date as month_on,
        currency,
        -invoice_subtotal as base,
        -invoice_tax as tax
    from core.fct_invoice
    where is_live
    union all by name
    select
        'itbms_by_month' as summed_in,
        month_on,
        currency,
        if(is_known, -base, null) as base,
        -tax as tax
    from months
)

select
    summed_in,
    month_on,
    currency,
    sum(base) as base_difference,
    sum(tax) as tax_difference
from sides
group by all
having
    (count(*) = count(base) and sum(base) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
