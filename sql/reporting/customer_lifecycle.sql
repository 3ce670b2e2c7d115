-- One row per customer and month in which it bought, or lapsed after three without.
-- key: customer_id, month_on
-- partition: customer_id
-- section: Customers
-- order: month_on desc, customer_id
-- period: month_on
-- question: Do we win more customers each month than we lose?
-- query: select month_on,
--   count(*) filter (where lifecycle_stage = 'new') as won,
--   count(*) filter (where lifecycle_stage = 'returning') as returning,
--   count(*) filter (where lifecycle_stage = 'reactivated') as won_back,
--   count(*) filter (where lifecycle_stage = 'lapsed') as lapsed
--   from reporting.customer_lifecycle group by month_on order by month_on desc
with

today as (
    select * from core.today
),

months as (
    select
        customer_id,
        month_on,
        count(*) as invoices
    from reporting.customer_sales
    where is_sale and customer_id <> '(none)'
    group by customer_id, month_on
),

neighbours as (
    select
        *,
        lag(month_on) over in_order as previous_month_on,
        lead(month_on) over in_order as next_month_on
    from months
    window in_order as (partition by customer_id order by month_on)
),

bought as (
    select
        customer_id,
        case
            when previous_month_on is null then 'new'
            when date_diff('month', previous_month_on, month_on) <= 3 then 'returning'
            else 'reactivated'
        end as lifecycle_stage,
        month_on,
        previous_month_on,
        invoices
    from neighbours
),

-- A customer is lapsed when three months are over in which it bought nothing.
lapsed as (
    select
        neighbours.customer_id,
        'lapsed' as lifecycle_stage,
        (neighbours.month_on + interval 3 months)::date as month_on,
        neighbours.month_on as previous_month_on,
        0 as invoices
    from neighbours
    cross join today
    where
        date_diff('month', neighbours.month_on, neighbours.next_month_on) > 3
        or (
            neighbours.next_month_on is null
            and last_day(neighbours.month_on + interval 3 months) <= today.as_of_on
        )
),

stages as (
    select * from bought
    union all by name
    select * from lapsed
)

select
    customer_id,
    lifecycle_stage,
    month_on,
    previous_month_on,
    invoices
from stages
