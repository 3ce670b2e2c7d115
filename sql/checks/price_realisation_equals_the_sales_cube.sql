-- Both have the same rows, with the same net, quantity and discount.
with

sides as (
    select
        customer_id,
        product_id,
        month_on,
        currency,
        net,
        quantity,
        discount,
        1 as copies
    from reporting.price_realisation
    union all by name
    select
        customer_id,
        product_id,
        month_on,
        currency,
        net,
        quantity,
        discount,
        -1 as copies
    from reporting.sales_cube
)

-- The amounts are part of the key, so that a missing one is compared too.
select
    customer_id,
    product_id,
    month_on,
    currency,
    net,
    quantity,
    discount,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
