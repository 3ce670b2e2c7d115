-- Per order; each open order once.
-- partition: sales_order_id
with

sides as (
    select
        sales_order_id,
        currency,
        amount,
        1 as copies
    from reporting.sales_backlog
    union all by name
    select
        sales_order_id,
        currency,
        -sales_order_subtotal as amount,
        -1 as copies
    from core.fct_sales_order
    where is_open
)

select
    sales_order_id,
    currency,
    sum(copies) as copies,
    sum(amount) as amount_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(amount) and sum(amount) <> 0)
