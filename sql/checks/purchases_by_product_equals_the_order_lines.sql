-- Net and quantity of each product, per month and currency. The net of (none) also has
-- what headers have beyond their lines. A line without a quantity counts as 0.
with

sides as (
    select
        product_id,
        month_on,
        currency,
        net,
        quantity
    from reporting.purchases_by_product
    union all by name
    select
        product_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        -line_net as net,
        -coalesce(quantity, 0) as quantity
    from core.fct_purchase_order_line
    where is_live
)

select
    product_id,
    month_on,
    currency,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0 and product_id <> '(none)')
    or (count(*) = count(quantity) and sum(quantity) <> 0)
