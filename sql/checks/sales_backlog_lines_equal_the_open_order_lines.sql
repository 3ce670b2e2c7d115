-- Quantity per order and product. A line without a quantity counts as 0.
-- partition: sales_order_id
with

sides as (
    select
        sales_order_id,
        product_id,
        coalesce(quantity, 0) as quantity
    from reporting.sales_backlog_lines
    union all by name
    select
        sales_order_id,
        product_id,
        -coalesce(quantity, 0) as quantity
    from core.fct_sales_order_line
    where is_open
)

select
    sales_order_id,
    product_id,
    sum(quantity) as quantity_difference
from sides
group by all
having sum(quantity) <> 0
