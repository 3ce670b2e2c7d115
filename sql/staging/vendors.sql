-- One row per vendor in P4 Books now.
-- key: vendor_id
-- partition: vendor_id, id
-- question: What does P4 Books hold for each vendor now?
-- query: select vendor_code, vendor_name, payment_terms, balance
--   from staging.vendors order by balance desc limit 10
with

versions as (
    select
        *,
        vendor_id as entity_id
    from staging.vendors_history
),

seen as (
    select * from raw.seen
    where endpoint = 'vendors'
)

select * from current_rows(versions, seen)
