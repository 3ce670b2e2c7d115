-- Net and quantity of each product in an order, unless its net is not above 0.
with

bought as (
    select
        purchase_order_id,
        product_id,
        sum(line_net) as net,
        sum(quantity) as quantity
    from core.fct_purchase_order_line
    where is_live and quantity > 0 and product_id <> '(none)'
    group by all
),

sides as (
    select
        purchase_order_id,
        product_id,
        net,
        quantity,
        1 as copies
    from reporting.purchase_price_history
    union all by name
    select
        purchase_order_id,
        product_id,
        -net as net,
        -quantity as quantity,
        -1 as copies
    from bought
    where net > 0
)

select
    purchase_order_id,
    product_id,
    sum(copies) as copies,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
