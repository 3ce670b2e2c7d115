-- One row per vendor that P4 Books has now.
with

versions as (
    select * from staging.vendors_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'vendors'
),

current_rows as (
    select
        versions.vendor_id,

        versions.vendor_code,
        versions.vendor_name,
        versions.email,
        versions.phone,
        versions.tax_id,
        versions.payment_terms,
        versions.currency,
        versions.vendor_status,

        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.balance,

        versions.extra
    from versions
    left join seen on versions.vendor_id = seen.id
)

select * from current_rows
