-- Amounts that P4 Books gives are kept; only missing ones are computed.
-- partition: purchase_order_id
with

sides as (
    select
        purchase_order_id,
        purchase_order_subtotal,
        purchase_order_tax,
        purchase_order_total,
        1 as copies
    from core.fct_purchase_order
    union all by name
    select
        purchase_order_id,
        -purchase_order_subtotal as purchase_order_subtotal,
        -purchase_order_tax as purchase_order_tax,
        -purchase_order_total as purchase_order_total,
        -1 as copies
    from staging.purchase_orders_history
    where valid_to is null
)

select
    purchase_order_id,
    sum(copies) as copies,
    sum(purchase_order_subtotal) as purchase_order_subtotal_difference,
    sum(purchase_order_tax) as purchase_order_tax_difference,
    sum(purchase_order_total) as purchase_order_total_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(purchase_order_subtotal) and sum(purchase_order_subtotal) <> 0)
    or (count(*) = count(purchase_order_tax) and sum(purchase_order_tax) <> 0)
    or (count(*) = count(purchase_order_total) and sum(purchase_order_total) <> 0)
