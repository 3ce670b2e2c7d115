-- One row per vendor that P4 Books has now.
-- key: vendor_id
-- question: What does P4 Books say of each vendor now?
-- query: select vendor_code, vendor_name, payment_terms, balance
--   from staging.vendors order by balance desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to) from staging.vendors_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'vendors'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.vendor_id = seen.id
)

select * from current_rows
