-- Quantity per product: sold in 90 days, demanded and on order by open orders.
with

as_of as (
    select * from core.as_of
),

sides as (
    select
        product_id,
        sold_90_days,
        demanded,
        on_order
    from reporting.replenishment
    union all by name
    select
        activity.product_id,
        if(activity.direction = 'sold', -activity.quantity, 0) as sold_90_days,
        if(activity.direction = 'demanded', -activity.quantity, 0) as demanded,
        if(activity.direction = 'on order', -activity.quantity, 0) as on_order
    from core.fct_item_activity as activity
    cross join as_of
    where
        activity.quantity is not null
        and (
            activity.is_open
            or (
                activity.direction = 'sold'
                and activity.document_on > as_of.as_of_on - 90
                and activity.document_on <= as_of.as_of_on
            )
        )
)

select
    product_id,
    sum(sold_90_days) as sold_difference,
    sum(demanded) as demanded_difference,
    sum(on_order) as on_order_difference
from sides
group by all
having
    (count(*) = count(sold_90_days) and sum(sold_90_days) <> 0)
    or (count(*) = count(demanded) and sum(demanded) <> 0)
    or (count(*) = count(on_order) and sum(on_order) <> 0)
