-- One row per sales order in P4 Books now.
-- key: sales_order_id
-- published: view
-- period: document_on
-- question: What does P4 Books hold for each sales order now?
-- query: select sales_order_code, document_on, required_on, sales_order_status,
--   sales_order_total
--   from staging.sales_orders order by document_on desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.sales_orders_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'sales_orders'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.sales_order_id = sightings.entity_id
