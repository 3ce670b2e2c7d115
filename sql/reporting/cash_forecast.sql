-- One row per week and currency: receipts due and commitments of open orders.
-- key: week_on, currency
-- section: Receivables and cash
-- order: currency, week_on
-- total: overdue_in, expected_in, committed_out, net_cash
-- question: What cash comes in and goes out in the next weeks?
-- query: select week_on, currency, overdue_in, expected_in, committed_out, net_cash
--   from reporting.cash_forecast order by currency, week_on limit 13
with

today as (
    select * from core.today
),

items as (
    select * from reporting.ar_open_items
),

orders as (
    select * from core.fct_purchase_order
    where is_open
),

-- What is overdue is expected in the week of the as-of day.
flows as (
    select
        week_from(items.due_on, today.as_of_on) as week_on,
        items.currency,
        if(items.due_on >= today.as_of_on, items.balance, 0) as expected_in,
        if(items.due_on < today.as_of_on, items.balance, 0) as overdue_in,
        0 as committed_out
    from items
    cross join today
    union all
    select
        week_from(orders.expected_on, today.as_of_on) as week_on,
        orders.currency,
        0 as expected_in,
        0 as overdue_in,
        orders.purchase_order_total as committed_out
    from orders
    cross join today
),

weeks as (
    select
        week_on,
        currency,
        sum(expected_in) as expected_in,
        sum(overdue_in) as overdue_in,
        sum(committed_out) as committed_out,
        sum(expected_in) + sum(overdue_in) - sum(committed_out) as net_cash
    from flows
    group by week_on, currency
),

summed as (
    select
        currency,

        week_on,

        as_money(overdue_in) as overdue_in,
        as_money(expected_in) as expected_in,
        as_money(committed_out) as committed_out,
        as_money(net_cash) as net_cash,
        as_money(
            sum(net_cash) over (partition by currency order by week_on)
        ) as net_cash_to_date
    from weeks
)

select * from summed
