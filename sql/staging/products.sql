-- One row per product in P4 Books now.
-- key: product_id
-- published: view
-- question: What does P4 Books hold for each product now?
-- query: select product_code, product_name, list_price, unit_cost
--   from staging.products order by product_name limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.products_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'products'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.product_id = sightings.entity_id
