-- Amounts that P4 Books gives are kept; only missing ones are computed.
-- partition: sales_order_id
with

sides as (
    select
        sales_order_id,
        sales_order_subtotal,
        sales_order_tax,
        sales_order_total,
        1 as copies
    from core.fct_sales_order
    union all by name
    select
        sales_order_id,
        -sales_order_subtotal as sales_order_subtotal,
        -sales_order_tax as sales_order_tax,
        -sales_order_total as sales_order_total,
        -1 as copies
    from staging.sales_orders_history
    where valid_to is null
)

select
    sales_order_id,
    sum(copies) as copies,
    sum(sales_order_subtotal) as sales_order_subtotal_difference,
    sum(sales_order_tax) as sales_order_tax_difference,
    sum(sales_order_total) as sales_order_total_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(sales_order_subtotal) and sum(sales_order_subtotal) <> 0)
    or (count(*) = count(sales_order_tax) and sum(sales_order_tax) <> 0)
    or (count(*) = count(sales_order_total) and sum(sales_order_total) <> 0)
