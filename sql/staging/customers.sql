-- One row per customer in P4 Books now.
-- key: customer_id
-- published: view
-- question: What does P4 Books hold for each customer now?
-- query: select customer_code, customer_name, credit_limit, balance
--   from staging.customers order by balance desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.customers_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'customers'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.customer_id = sightings.entity_id
