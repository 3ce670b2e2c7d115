with

aging as (
    select
        customer_id,
        currency,
        balance,
        current_balance::decimal(38, 2) + days_1_30 + days_31_60 + days_61_90
        + days_over_90 as buckets,
        balance::decimal(38, 2) - current_balance as overdue_by_rest,
        overdue
    from reporting.ar_aging
    union all
    select
        customer_id,
        currency,
        balance,
        current_balance::decimal(38, 2) + days_1_30 + days_31_60 + days_61_90
        + days_over_90 as buckets,
        balance::decimal(38, 2) - current_balance as overdue_by_rest,
        overdue
    from reporting.ar_aging_history
),

odd as (
    select * from aging
    where balance <> buckets or overdue <> overdue_by_rest
)

select * from odd
