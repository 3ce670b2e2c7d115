-- Net and number of live orders, and quantity of their lines, per vendor, month and
-- currency. A line without a quantity counts as 0.
with

sides as (
    select
        vendor_id,
        month_on,
        currency,
        orders,
        net,
        quantity
    from reporting.purchases_by_vendor
    union all by name
    select
        vendor_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        -1 as orders,
        -purchase_order_subtotal as net,
        0 as quantity
    from core.fct_purchase_order
    where is_live
    union all by name
    select
        vendor_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        0 as orders,
        0 as net,
        -coalesce(quantity, 0) as quantity
    from core.fct_purchase_order_line
    where is_live
)

select
    vendor_id,
    month_on,
    currency,
    sum(orders) as orders_difference,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    sum(orders) <> 0
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
