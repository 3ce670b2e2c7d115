-- One row per customer that P4 Books has now.
with

versions as (
    select * from staging.customers_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'customers'
),

current_rows as (
    select
        versions.customer_id,

        versions.customer_code,
        versions.customer_name,
        versions.email,
        versions.phone,
        versions.tax_id,
        versions.payment_terms,
        versions.currency,
        versions.tax_code,
        versions.customer_status,

        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.credit_limit,
        versions.balance,

        versions.extra
    from versions
    left join seen on versions.customer_id = seen.id
)

select * from current_rows
