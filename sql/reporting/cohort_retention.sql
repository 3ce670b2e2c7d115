-- One row per month of a first invoice, months since then and currency: who still buys.
-- key: first_month_on, months_since, currency
-- section: Customers
-- order: first_month_on desc, months_since, currency
-- period: first_month_on
-- total: net
-- question: How many of the customers won in a month still buy from us later?
-- query: select months_since, sum(customers) as customers,
--   sum(customers) / sum(cohort_customers) as retention
--   from reporting.cohort_retention where is_month_over and currency = 'USD'
--   group by months_since order by months_since
with

today as (
    select * from core.today
),

sales as (
    select
        customer_id,
        currency,
        month_on,
        bool_or(is_sale) as is_sale,
        sum(net) as net
    from reporting.customer_sales
    where customer_id <> '(none)'
    group by customer_id, currency, month_on
),

-- A customer that bought nothing, such as one with credit notes only, is in the cohort
-- of its first document, but does not count in it.
members as (
    select
        sales.customer_id,
        sales.currency,
        coalesce(
            min(sales.month_on) filter (where sales.is_sale),
            greatest(
                least(min(sales.month_on), month_of(any_value(today.as_of_on))),
                first_plausible_day()
            )
        ) as first_month_on,
        bool_or(sales.is_sale) as is_customer
    from sales
    cross join today
    group by sales.customer_id, sales.currency
),

cohorts as (
    select
        first_month_on,
        currency,
        count(*) filter (where is_customer) as cohort_customers
    from members
    group by first_month_on, currency
),

-- Every month up to that of the as-of day, so that one in which nobody bought counts.
months as (
    select
        cohorts.*,
        unnest(
            generate_series(
                0, date_diff('month', cohorts.first_month_on, today.as_of_on)
            )
        ) as months_since,
        today.as_of_on
    from cohorts
    cross join today
),

-- What is dated earlier or later than these months, by mistake, is in the nearest one.
placed as (
    select
        members.first_month_on,
        sales.currency,
        least(
            greatest(date_diff('month', members.first_month_on, sales.month_on), 0),
            date_diff('month', members.first_month_on, today.as_of_on)
        ) as months_since,
        sales.is_sale,
        sales.net
    from sales
    inner join members
        on
            sales.customer_id = members.customer_id
            and sales.currency = members.currency
    cross join today
),

sums as (
    select
        first_month_on,
        currency,
        months_since,
        count(*) filter (where is_sale) as customers,
        sum(net) as net
    from placed
    group by first_month_on, currency, months_since
),

dated as (
    select
        months.*,
        (months.first_month_on + to_months(months.months_since::integer))::date
            as month_on,
        coalesce(sums.customers, 0) as customers,
        coalesce(sums.net, 0) as net
    from months
    left join sums
        on
            months.first_month_on = sums.first_month_on
            and months.months_since = sums.months_since
            and months.currency = sums.currency
)

select
    currency,

    last_day(month_on) <= as_of_on as is_month_over,

    first_month_on,
    month_on,

    months_since,
    cohort_customers,
    customers,

    share_of(customers, cohort_customers) as retention_share,
    as_money(net) as net
from dated
