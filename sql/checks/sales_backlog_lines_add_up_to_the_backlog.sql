-- Per order; what the header has beyond its lines is a line, too.
-- partition: sales_order_id
with

sides as (
    select
        sales_order_id,
        amount
    from reporting.sales_backlog_lines
    union all by name
    select
        sales_order_id,
        -amount as amount
    from reporting.sales_backlog
)

select
    sales_order_id,
    sum(amount) as amount_difference
from sides
group by all
having count(*) = count(amount) and sum(amount) <> 0
