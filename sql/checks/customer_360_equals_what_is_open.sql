-- Balance and overdue balance of open invoices, and totals and number of open orders.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        currency,
        balance,
        overdue,
        open_orders_total,
        open_orders
    from reporting.customer_360
    union all by name
    select
        customer_id,
        currency,
        -balance as balance,
        if(days_overdue > 0, -balance, 0) as overdue,
        0 as open_orders_total,
        0 as open_orders
    from reporting.ar_open_items
    union all by name
    select
        customer_id,
        currency,
        0 as balance,
        0 as overdue,
        -sales_order_total as open_orders_total,
        -1 as open_orders
    from core.fct_sales_order
    where is_open
)

select
    customer_id,
    currency,
    sum(balance) as balance_difference,
    sum(overdue) as overdue_difference,
    sum(open_orders_total) as orders_difference,
    sum(open_orders) as orders_difference_in_number
from sides
group by all
having
    (count(*) = count(balance) and sum(balance) <> 0)
    or (count(*) = count(overdue) and sum(overdue) <> 0)
    or (count(*) = count(open_orders_total) and sum(open_orders_total) <> 0)
    or sum(open_orders) <> 0
