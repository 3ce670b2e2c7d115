-- One row per purchase order in P4 Books now.
-- key: purchase_order_id
-- published: view
-- period: document_on
-- question: What does P4 Books hold for each purchase order now?
-- query: select purchase_order_code, document_on, expected_on, purchase_order_status,
--   purchase_order_total
--   from staging.purchase_orders order by document_on desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.purchase_orders_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'purchase_orders'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.purchase_order_id = sightings.entity_id
