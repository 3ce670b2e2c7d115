-- Overdue amount and balance, per customer and currency.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        currency,
        overdue,
        balance
    from reporting.collections_worklist
    union all by name
    select
        customer_id,
        currency,
        -overdue as overdue,
        -balance as balance
    from reporting.ar_aging
    where overdue > 0
)

select
    customer_id,
    currency,
    sum(overdue) as overdue_difference,
    sum(balance) as balance_difference
from sides
group by all
having
    (count(*) = count(overdue) and sum(overdue) <> 0)
    or (count(*) = count(balance) and sum(balance) <> 0)
