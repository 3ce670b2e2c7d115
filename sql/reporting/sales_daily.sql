-- One row per day and currency with live invoices: sales, month and year to date.
-- key: day_on, currency
-- section: Sales
-- order: day_on desc, currency
-- period: day_on
-- total: net, tax
-- question: How do this month's sales compare with last year's, day by day?
-- query: select day_on, net, net_month_to_date, net_month_to_date_last_year, growth
--   from reporting.sales_daily order by day_on desc limit 31
with

invoices as (
    select * from core.fct_invoice
    where is_live
),

days as (
    select
        document_on as day_on,
        month_of(document_on) as month_on,
        currency,
        count(*) as documents,
        count(distinct customer_id) filter (where customer_id <> '(none)') as customers,
        sum(invoice_subtotal) as net,
        sum(invoice_tax) as tax
    from invoices
    group by document_on, currency
),

running as (
    select
        *,
        sum(net) over (partition by currency, month_on order by day_on)
            as net_month_to_date,
        sum(net) over (partition by currency, year(day_on) order by day_on)
            as net_year_to_date,
        (day_on - interval 1 year)::date as last_year_on
    from days
),

-- The last day with sales up to the same day a year earlier, if in that month.
compared as (
    select
        running.*,
        if(
            earlier.month_on = date_trunc('month', running.last_year_on),
            earlier.net_month_to_date,
            null
        ) as net_month_to_date_last_year,
        -- 29 February has no day a year earlier; 28 February is matched with its own
        if(earlier.day_on + interval 1 year = running.day_on, earlier.net, null)
            as net_last_year
    from running
    asof left join running as earlier
        on
            running.currency = earlier.currency
            and running.last_year_on >= earlier.day_on
),

finished as (
    select
        currency,

        day_on,
        month_on,

        documents,
        customers,

        as_money(net) as net,
        as_money(tax) as tax,
        as_money(net / documents) as average_net,
        as_money(net_month_to_date) as net_month_to_date,
        as_money(net_year_to_date) as net_year_to_date,
        as_money(coalesce(net_last_year, 0)) as net_last_year,
        as_money(coalesce(net_month_to_date_last_year, 0))
            as net_month_to_date_last_year,
        if(
            net_month_to_date_last_year > 0,
            as_share(net_month_to_date / net_month_to_date_last_year - 1),
            null
        ) as growth
    from compared
)

select * from finished
