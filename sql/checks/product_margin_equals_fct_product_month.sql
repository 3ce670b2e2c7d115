-- It only adds names: it has the same rows, with the same amounts.
-- partition: product_id
with

sides as (
    select
        product_id,
        month_on,
        currency,
        quantity,
        net,
        cost_estimated,
        margin,
        1 as copies
    from reporting.product_margin
    union all by name
    select
        product_id,
        month_on,
        currency,
        -quantity as quantity,
        -net as net,
        -cost_estimated as cost_estimated,
        -margin as margin,
        -1 as copies
    from core.fct_product_month
)

select
    product_id,
    month_on,
    currency,
    sum(copies) as copies,
    sum(quantity) as quantity_difference,
    sum(net) as net_difference,
    sum(cost_estimated) as cost_estimated_difference,
    sum(margin) as margin_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(quantity) and sum(quantity) <> 0)
    or (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(cost_estimated) and sum(cost_estimated) <> 0)
    or (count(*) = count(margin) and sum(margin) <> 0)
