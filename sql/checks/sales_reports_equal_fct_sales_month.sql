-- Both views of it have the same rows, with the same amounts.
-- partition: customer_id
with

sides as (
    select
        'sales_cube' as report,
        customer_id,
        product_id,
        month_on,
        currency,
        quantity,
        discount,
        net,
        1 as copies
    from reporting.sales_cube
    union all by name
    select
        'price_realisation' as report,
        customer_id,
        product_id,
        month_on,
        currency,
        quantity,
        discount,
        net,
        1 as copies
    from reporting.price_realisation
    union all by name
    select
        unnest(['sales_cube', 'price_realisation']) as report,
        customer_id,
        product_id,
        month_on,
        currency,
        -quantity as quantity,
        -discount as discount,
        -net as net,
        -1 as copies
    from core.fct_sales_month
)

select
    report,
    customer_id,
    product_id,
    month_on,
    currency,
    sum(copies) as copies,
    sum(quantity) as quantity_difference,
    sum(discount) as discount_difference,
    sum(net) as net_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(quantity) and sum(quantity) <> 0)
    or (count(*) = count(discount) and sum(discount) <> 0)
    or (count(*) = count(net) and sum(net) <> 0)
