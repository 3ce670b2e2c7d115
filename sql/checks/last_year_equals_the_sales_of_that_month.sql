-- A month that is over is compared with the whole of that month a year earlier.
with

as_of as (
    select * from core.as_of
),

differences as (
    select
        months.month_on,
        months.currency,
        months.net_last_year,
        earlier.net as source_net
    from reporting.sales_by_month as months
    cross join as_of
    left join reporting.sales_by_month as earlier
        on
            months.currency = earlier.currency
            and months.month_on - interval 1 year = earlier.month_on
    where
        months.month_on <> date_trunc('month', as_of.as_of_on)
        and months.net_last_year <> coalesce(earlier.net, 0)
)

select * from differences
