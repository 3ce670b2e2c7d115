-- Net and number of live orders, per vendor and currency.
with

sides as (
    select
        vendor_id,
        currency,
        orders,
        ordered
    from reporting.vendor_scorecard
    union all by name
    select
        vendor_id,
        currency,
        -orders as orders,
        -net as ordered
    from reporting.purchases_by_vendor
)

select
    vendor_id,
    currency,
    sum(orders) as orders_difference,
    sum(ordered) as ordered_difference
from sides
group by all
having
    sum(orders) <> 0
    or (count(*) = count(ordered) and sum(ordered) <> 0)
