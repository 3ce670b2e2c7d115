-- Month to date, year to date, and cash to date.
with

reports as (
    select
        'sales_by_month' as report,
        currency,
        month_on as day_on,
        date_trunc('year', month_on)::date as since_on,
        net,
        net_year_to_date as so_far
    from reporting.sales_by_month
    union all
    select
        'sales_daily, year' as report,
        currency,
        day_on,
        date_trunc('year', day_on)::date as since_on,
        net,
        net_year_to_date as so_far
    from reporting.sales_daily
    union all
    select
        'sales_daily, month' as report,
        currency,
        day_on,
        month_on as since_on,
        net,
        net_month_to_date as so_far
    from reporting.sales_daily
    union all
    select
        'cash_forecast' as report,
        currency,
        week_on as day_on,
        date '-infinity' as since_on,
        net_cash as net,
        net_cash_to_date as so_far
    from reporting.cash_forecast
),

-- From one row of a period to the next, the total grows by the row's own amount.
steps as (
    select
        *,
        so_far::decimal(38, 2)
        - lag(so_far, 1, 0::decimal(18, 2)) over (
            partition by report, currency, since_on order by day_on
        ) as added
    from reports
),

differences as (
    select * from steps
    where added <> net
)

select * from differences
