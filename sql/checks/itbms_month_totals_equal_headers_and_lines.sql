-- Every row of a month repeats the month's tax, by headers and by lines.
with

months as (
    select
        month_on,
        currency,
        month_tax_charged,
        month_tax_by_lines
    from reporting.itbms_by_month
    group by all
),

sides as (
    select
        month_on,
        currency,
        month_tax_charged as charged,
        month_tax_by_lines as by_lines
    from months
    union all by name
    select
        date_trunc('month', tax_on)::date as month_on,
        currency,
        -invoice_tax as charged,
        0 as by_lines
    from core.fct_invoice
    where is_live
    union all by name
    select
        month_on,
        currency,
        0 as charged,
        -tax as by_lines
    from reporting.itbms_by_month
)

select
    month_on,
    currency,
    sum(charged) as charged_difference,
    sum(by_lines) as by_lines_difference
from sides
group by all
having
    (count(*) = count(charged) and sum(charged) <> 0)
    or (count(*) = count(by_lines) and sum(by_lines) <> 0)
