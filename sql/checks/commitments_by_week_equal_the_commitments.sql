-- Per vendor and currency.
with

sides as (
    select
        vendor_id,
        currency,
        orders,
        amount
    from reporting.commitments_by_week
    union all by name
    select
        vendor_id,
        currency,
        -1 as orders,
        -amount as amount
    from reporting.purchase_commitments
)

select
    vendor_id,
    currency,
    sum(orders) as orders_difference,
    sum(amount) as amount_difference
from sides
group by all
having
    sum(orders) <> 0
    or (count(*) = count(amount) and sum(amount) <> 0)
