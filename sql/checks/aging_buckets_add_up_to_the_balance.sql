-- Of today and of every month end.
with

aging as (
    select * from reporting.ar_aging
    union all by name
    select * from reporting.ar_aging_history
),

differences as (
    select
        customer_id,
        currency,
        month_end_on,
        current_balance::decimal(38, 2) + days_1_30 + days_31_60 + days_61_90
        + days_over_90 - balance as balance_difference,
        current_balance::decimal(38, 2) + overdue - balance as overdue_difference
    from aging
)

select * from differences
where balance_difference <> 0 or overdue_difference <> 0
