-- Per currency.
with

sides as (
    select
        currency,
        committed_out as cash_out
    from reporting.cash_forecast
    union all by name
    select
        currency,
        -purchase_order_total as cash_out
    from core.fct_purchase_order
    where is_open
)

select
    currency,
    sum(cash_out) as cash_out_difference
from sides
group by all
having count(*) = count(cash_out) and sum(cash_out) <> 0
