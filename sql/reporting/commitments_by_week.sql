-- One row per vendor, week and currency with open purchase orders, each counted whole.
-- key: vendor_id, week_on, currency
-- partition: vendor_id
-- section: Orders
-- order: week_on, currency, vendor_id
-- total: amount
-- question: How much do we have to pay to whom, and when do the goods arrive?
-- query: select week_on, vendor_name, currency, orders, amount
--   from reporting.commitments_by_week order by week_on, vendor_name, currency
with

orders as (
    select * from reporting.purchase_commitments
),

today as (
    select * from core.today
),

-- What is late, or has no day, is expected in the week of the as-of day.
weeks as (
    select
        orders.vendor_id,

        orders.vendor_name,
        orders.currency,

        week_from(orders.expected_on, today.as_of_on) as week_on,

        count(*) as orders,
        count(*) filter (where orders.days_late > 0) as late_orders,
        count(*) filter (where orders.is_partly_done) as partly_done_orders,

        as_money(sum(orders.amount)) as amount
    from orders
    cross join today
    group by all
)

select * from weeks
