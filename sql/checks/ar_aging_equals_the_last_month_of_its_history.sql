-- A month that is not over is measured at the as-of instant.
with

sides as (
    select
        customer_id,
        currency,
        balance,
        overdue
    from reporting.ar_aging
    union all by name
    select
        customer_id,
        currency,
        -balance as balance,
        -overdue as overdue
    from reporting.ar_aging_history
    where month_end_on = (select max(ends.month_end_on) from core.month_ends as ends)
)

select
    customer_id,
    currency,
    sum(balance) as balance_difference,
    sum(overdue) as overdue_difference
from sides
group by all
having
    (count(*) = count(balance) and sum(balance) <> 0)
    or (count(*) = count(overdue) and sum(overdue) <> 0)
