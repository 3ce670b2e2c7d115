-- Per customer and currency, each aging bucket.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        currency,
        balance,
        documents,
        current_balance,
        days_1_30,
        days_31_60,
        days_61_90,
        days_over_90
    from reporting.ar_aging
    union all by name
    select
        customer_id,
        currency,
        -balance as balance,
        -1 as documents,
        -if(aging_bucket = 'current', coalesce(balance, 0), 0) as current_balance,
        -if(aging_bucket = '1-30', coalesce(balance, 0), 0) as days_1_30,
        -if(aging_bucket = '31-60', coalesce(balance, 0), 0) as days_31_60,
        -if(aging_bucket = '61-90', coalesce(balance, 0), 0) as days_61_90,
        -if(aging_bucket = '90+', coalesce(balance, 0), 0) as days_over_90
    from reporting.ar_open_items
)

select
    customer_id,
    currency,
    sum(balance) as balance_difference,
    sum(documents) as documents_difference,
    sum(current_balance) as current_balance_difference,
    sum(days_1_30) as days_1_30_difference,
    sum(days_31_60) as days_31_60_difference,
    sum(days_61_90) as days_61_90_difference,
    sum(days_over_90) as days_over_90_difference
from sides
group by all
having
    (count(*) = count(balance) and sum(balance) <> 0)
    or (count(*) = count(documents) and sum(documents) <> 0)
    or (count(*) = count(current_balance) and sum(current_balance) <> 0)
    or (count(*) = count(days_1_30) and sum(days_1_30) <> 0)
    or (count(*) = count(days_31_60) and sum(days_31_60) <> 0)
    or (count(*) = count(days_61_90) and sum(days_61_90) <> 0)
    or (count(*) = count(days_over_90) and sum(days_over_90) <> 0)
