-- Both have the same rows, with the same net, quantity and discount.
-- partition: customer_id
with

prices as (
    select * from reporting.price_realisation
),

cube as (
    select * from reporting.sales_cube
)

-- In both, the key of a row is checked to be unique.
select
    coalesce(prices.customer_id, cube.customer_id) as customer_id,
    coalesce(prices.product_id, cube.product_id) as product_id,
    coalesce(prices.month_on, cube.month_on) as month_on,
    coalesce(prices.currency, cube.currency) as currency,
    prices.net,
    cube.net as cube_net,
    prices.quantity,
    cube.quantity as cube_quantity,
    prices.discount,
    cube.discount as cube_discount
from prices
full join cube
    on
        prices.customer_id = cube.customer_id
        and prices.product_id = cube.product_id
        and prices.month_on = cube.month_on
        and prices.currency = cube.currency
where
    prices.customer_id is null
    or cube.customer_id is null
    or prices.net is distinct from cube.net
    or prices.quantity is distinct from cube.quantity
    or prices.discount is distinct from cube.discount
