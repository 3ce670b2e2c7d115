-- Net and quantity of each product with a quantity above 0, per live order.
with

sides as (
    select
        purchase_order_id,
        product_id,
        net,
        quantity,
        0 as order_lines
    from core.fct_purchase_price
    union all by name
    select
        purchase_order_id,
        product_id,
        -line_net as net,
        -quantity as quantity,
        1 as order_lines
    from core.fct_purchase_order_line
    where is_live and quantity > 0 and product_id <> '(none)'
)

select
    purchase_order_id,
    product_id,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    sum(order_lines) in (0, count(*))
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
