-- Per month and currency the lines add up to the headers.
with

sides as (
    select
        month_on,
        currency,
        net
    from core.fct_sales_month
    union all by name
    select
        month_on,
        currency,
        -net as net
    from reporting.sales_by_month
)

select
    month_on,
    currency,
    sum(net) as net_difference
from sides
group by all
having count(*) = count(net) and sum(net) <> 0
