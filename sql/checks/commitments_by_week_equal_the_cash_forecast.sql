-- What goes out, per week and currency.
with

sides as (
    select
        week_on,
        currency,
        amount
    from reporting.commitments_by_week
    union all by name
    select
        week_on,
        currency,
        -committed_out as amount
    from reporting.cash_forecast
)

select
    week_on,
    currency,
    sum(amount) as amount_difference
from sides
group by all
having count(*) = count(amount) and sum(amount) <> 0
