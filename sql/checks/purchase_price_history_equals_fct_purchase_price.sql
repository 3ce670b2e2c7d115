-- It has the rows with a price, with the same amounts.
-- partition: product_id
with

sides as (
    select
        purchase_order_id,
        product_id,
        quantity,
        net,
        1 as copies
    from reporting.purchase_price_history
    union all by name
    select
        purchase_order_id,
        product_id,
        -quantity as quantity,
        -net as net,
        -1 as copies
    from core.fct_purchase_price
    where net > 0
)

select
    purchase_order_id,
    product_id,
    sum(copies) as copies,
    sum(quantity) as quantity_difference,
    sum(net) as net_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(quantity) and sum(quantity) <> 0)
    or (count(*) = count(net) and sum(net) <> 0)
