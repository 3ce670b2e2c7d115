-- What was owed at each month end, per currency.
with

sides as (
    select
        month_end_on,
        currency,
        receivables
    from reporting.dso
    union all by name
    select
        month_end_on,
        currency,
        -balance as receivables
    from reporting.ar_aging_history
)

select
    month_end_on,
    currency,
    sum(receivables) as receivables_difference
from sides
group by all
having count(*) = count(receivables) and sum(receivables) <> 0
