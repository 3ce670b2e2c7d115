-- Per currency, what is due later and what is overdue.
with

sides as (
    select
        currency,
        expected_in::decimal(38, 2) + overdue_in as cash_in
    from reporting.cash_forecast
    union all by name
    select
        currency,
        -balance as cash_in
    from reporting.ar_open_items
)

select
    currency,
    sum(cash_in) as cash_in_difference
from sides
group by all
having count(*) = count(cash_in) and sum(cash_in) <> 0
