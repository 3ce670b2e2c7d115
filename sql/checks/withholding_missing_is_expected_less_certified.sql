-- Per month and currency; certificates of unknown customers are findings, and those of
-- months before history began or after the as-of day are compared with nothing.
with

today as (
    select
        currency,
        date_trunc('month', timezone(timezone, history_since))::date as first_month_on,
        as_of_on
    from core.as_of
),

unknown as (
    select entity_id as customer_code from reporting.data_quality
    where rule = 'unknown customer in withholding_certificates.csv'
),

sides as (
    select
        month_on,
        currency,
        missing as amount
    from reporting.withholding_missing
    union all by name
    select
        month_on,
        currency,
        -expected_withholding as amount
    from reporting.withholding_expected
    union all by name
    select
        listed.month_on,
        coalesce(listed.currency, today.currency) as currency,
        listed.certified as amount
    from staging.withholding_certificates as listed
    inner join today
        on
            listed.month_on >= today.first_month_on
            and listed.month_on <= today.as_of_on
    anti join unknown on listed.customer_code = unknown.customer_code
)

select
    month_on,
    currency,
    sum(amount) as difference
from sides
group by all
having count(*) = count(amount) and sum(amount) <> 0
