-- One row per vendor in P4 Books now.
-- key: vendor_id
-- published: view
-- question: What does P4 Books hold for each vendor now?
-- query: select vendor_code, vendor_name, payment_terms, balance
--   from staging.vendors order by balance desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.vendors_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'vendors'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.vendor_id = sightings.entity_id
