-- One row per customer, month end and currency: balance at that time, by age.
-- key: customer_id, month_end_on, currency
-- section: Receivables and cash
-- order: month_end_on desc, balance desc, customer_id, currency
-- period: month_end_on
-- question: How did the age of our receivables develop over the months?
-- query: select month_end_on, currency, sum(balance) as balance
--   from reporting.ar_aging_history
--   group by month_end_on, currency order by month_end_on
with

months as (
    select * from core.month_ends
),

versions as (
    select * from core.fct_invoice_history
    where is_open
),

customers as (
    select * from core.dim_customer
),

-- The credit limit of that time, in the currency that the customer had then.
limits as (
    select
        versions.customer_id,
        currency_or(versions.currency, today.currency) as currency,
        versions.valid_from,
        versions.credit_limit
    from staging.customers_history as versions
    cross join core.today as today
),

open_then as (
    select
        versions.customer_id,
        versions.currency,
        months.month_end_on,
        months.measured_on,
        months.measured_at,
        months.is_month_over,
        months.history_since,
        versions.due_on,
        months.measured_on - versions.due_on as days_overdue,
        versions.balance
    from months
    inner join versions
        on
            months.measured_at >= versions.valid_from
            and months.measured_at < coalesce(versions.valid_to, 'infinity')
),

sums as (
    select
        customer_id,
        currency,
        month_end_on,
        measured_on,
        measured_at,
        is_month_over,
        history_since,
        count(*) as documents,
        min(due_on) filter (where balance > 0) as oldest_due_on,
        sum(balance) filter (where days_overdue <= 0) as current_balance,
        sum(balance) filter (where days_overdue between 1 and 30) as days_1_30,
        sum(balance) filter (where days_overdue between 31 and 60) as days_31_60,
        sum(balance) filter (where days_overdue between 61 and 90) as days_61_90,
        sum(balance) filter (where days_overdue > 90) as days_over_90,
        sum(balance) filter (where days_overdue > 0) as overdue,
        sum(balance) as balance
    from open_then
    group by all
),

limited as (
    select
        sums.customer_id,

        customers.customer_code,
        customers.customer_name,
        sums.currency,

        sums.is_month_over,
        coalesce(sums.balance > limits.credit_limit, false)
        and coalesce(sums.currency = limits.currency, false) as is_over_limit,

        sums.month_end_on,
        sums.measured_on,
        sums.oldest_due_on,
        sums.history_since,

        sums.documents,

        if(sums.currency = limits.currency, limits.credit_limit, null)
            as credit_limit,
        as_money(coalesce(sums.current_balance, 0)) as current_balance,
        as_money(coalesce(sums.days_1_30, 0)) as days_1_30,
        as_money(coalesce(sums.days_31_60, 0)) as days_31_60,
        as_money(coalesce(sums.days_61_90, 0)) as days_61_90,
        as_money(coalesce(sums.days_over_90, 0)) as days_over_90,
        as_money(coalesce(sums.overdue, 0)) as overdue,
        share_of(coalesce(sums.overdue, 0), sums.balance) as share_overdue,
        as_money(sums.balance) as balance
    from sums
    left join customers on sums.customer_id = customers.customer_id
    asof left join limits
        on
            sums.customer_id = limits.customer_id
            and sums.measured_at >= limits.valid_from
)

select * from limited
