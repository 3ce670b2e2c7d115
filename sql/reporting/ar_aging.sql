-- One row per customer and currency with open invoices: balance by age.
-- key: customer_id, currency
-- section: Receivables and cash
-- order: balance desc, customer_id, currency
-- total: current_balance, days_1_30, days_31_60, days_61_90, days_over_90, overdue,
--   balance
-- question: Who owes us, and how late?
-- query: select customer_name, balance, days_over_90, share_overdue
--   from reporting.ar_aging order by balance desc limit 10
with

items as (
    select * from reporting.ar_open_items
),

customers as (
    select * from core.dim_customer
),

sums as (
    select
        customer_id,
        currency,
        count(*) as documents,
        min(due_on) filter (where balance > 0) as oldest_due_on,
        sum(balance) filter (where aging_bucket = 'current') as current_balance,
        sum(balance) filter (where aging_bucket = '1-30') as days_1_30,
        sum(balance) filter (where aging_bucket = '31-60') as days_31_60,
        sum(balance) filter (where aging_bucket = '61-90') as days_61_90,
        sum(balance) filter (where aging_bucket = '90+') as days_over_90,
        sum(balance) filter (where aging_bucket <> 'current') as overdue,
        sum(balance) as balance
    from items
    group by customer_id, currency
),

limited as (
    -- A credit limit is in the customer's own currency and applies to that one only.
    select
        sums.customer_id,

        customers.customer_code,
        customers.customer_name,
        sums.currency,

        coalesce(sums.balance > customers.credit_limit, false)
        and sums.currency = customers.currency as is_over_limit,

        sums.oldest_due_on,

        sums.documents,

        if(sums.currency = customers.currency, customers.credit_limit, null)
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
)

select * from limited
