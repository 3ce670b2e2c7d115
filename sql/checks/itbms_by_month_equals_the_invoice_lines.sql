-- Base and tax of live invoices, per month, tax code and currency.
with

sides as (
    select
        month_on,
        tax_code,
        currency,
        taxable_base::decimal(38, 2) + exempt_base as base,
        tax
    from reporting.itbms_by_month
    union all by name
    select
        date_trunc('month', tax_on)::date as month_on,
        tax_code,
        currency,
        -line_net as base,
        -line_tax as tax
    from core.fct_invoice_line
    where is_live
)

select
    month_on,
    tax_code,
    currency,
    sum(base) as base_difference,
    sum(tax) as tax_difference
from sides
group by all
having
    (count(*) = count(base) and sum(base) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
