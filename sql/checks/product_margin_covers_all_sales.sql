-- Every row of sales by product has a margin row with its net and quantity.
-- partition: product_id
with

sides as (
    select
        product_id,
        month_on,
        currency,
        net,
        quantity,
        1 as copies
    from reporting.product_margin
    union all by name
    select
        product_id,
        month_on,
        currency,
        net,
        quantity,
        -1 as copies
    from reporting.sales_by_product
)

-- The amounts are part of the key, so that a missing one is compared too.
select
    product_id,
    month_on,
    currency,
    net,
    quantity,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
