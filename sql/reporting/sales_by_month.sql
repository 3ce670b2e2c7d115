-- One row per month and currency with live invoices: sales, compared with last year.
-- key: month_on, currency
-- section: Sales
-- order: month_on desc, currency
-- period: month_on
-- total: net, tax, total
-- question: How much did we sell this month, and how does it compare?
-- query: select month_on, currency, net, net_year_to_date, net_last_year, growth
--   from reporting.sales_by_month order by month_on desc limit 12
with

today as (
    select * from core.today
),

invoices as (
    select
        *,
        month_of(document_on) as month_on
    from core.fct_invoice
    where is_live
),

months as (
    select
        month_on,
        currency,
        count(*) as documents,
        count(*) filter (where is_credit_note) as credit_notes,
        count(distinct customer_id) filter (where customer_id <> '(none)') as customers,
        sum(invoice_subtotal) as net,
        sum(invoice_tax) as tax,
        sum(invoice_total) as total
    from invoices
    group by month_on, currency
),

-- A month that is not over is compared with the same days of last year's month; on its
-- last day with the whole month, so that 29 February is included.
last_year as (
    select
        (date_trunc('month', invoices.document_on) + interval 1 year)::date as month_on,
        invoices.currency,
        sum(invoices.invoice_subtotal) as net
    from invoices
    cross join today
    where
        invoices.document_on <= today.as_of_on - interval 1 year
        or invoices.month_on
        <> (date_trunc('month', today.as_of_on) - interval 1 year)::date
        or today.as_of_on = last_day(today.as_of_on)
    group by all
),

compared as (
    select
        months.*,
        sum(months.net) over (
            partition by months.currency, year(months.month_on) order by months.month_on
        ) as net_year_to_date,
        last_year.net as net_last_year
    from months
    left join last_year
        on
            months.month_on = last_year.month_on
            and months.currency = last_year.currency
),

finished as (
    select
        currency,

        month_on,

        documents,
        credit_notes,
        customers,

        as_money(net) as net,
        as_money(tax) as tax,
        as_money(total) as total,
        as_money(net / documents) as average_net,
        as_money(net_year_to_date) as net_year_to_date,
        as_money(coalesce(net_last_year, 0)) as net_last_year,
        if(net_last_year > 0, as_share(net / net_last_year - 1), null)
            as growth
    from compared
)

select * from finished
