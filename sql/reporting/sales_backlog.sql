-- One row per open sales order, whole: what is already delivered is not known.
-- key: sales_order_id
-- partition: customer_id
-- section: Orders
-- order: required_on nulls last, sales_order_id
-- total: amount
-- question: What did customers order that is not fully delivered, and how late is it?
-- query: select customer_name, sales_order_code, required_on, days_late, amount
--   from reporting.sales_backlog where days_late > 0 order by days_late desc
with

orders as (
    select * from core.fct_sales_order
    where is_open
),

customers as (
    select * from core.dim_customer
),

today as (
    select * from core.today
),

aged as (
    select
        orders.*,
        greatest(today.as_of_on - orders.document_on, 0) as age_days
    from orders
    cross join today
),

named as (
    select
        aged.sales_order_id,
        aged.customer_id,

        aged.sales_order_code,
        customers.customer_code,
        customers.customer_name,
        aged.sales_order_status,
        aged.currency,
        case
            when aged.age_days <= 30 then '0-30'
            when aged.age_days <= 60 then '31-60'
            when aged.age_days <= 90 then '61-90'
            else '90+'
        end as age_bucket,

        aged.is_partly_done,

        aged.document_on,
        aged.required_on,

        aged.age_days,
        aged.days_late,

        aged.sales_order_subtotal as amount
    from aged
    left join customers on aged.customer_id = customers.customer_id
)

select * from named
