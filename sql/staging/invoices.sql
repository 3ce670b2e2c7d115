-- One row per invoice in P4 Books now.
-- key: invoice_id
-- published: view
-- period: document_on
-- question: What does P4 Books hold for each invoice now?
-- query: select invoice_code, document_on, invoice_status, invoice_total, balance
--   from staging.invoices order by document_on desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to, first_seen_at)
    from staging.invoices_history
    where valid_to is null
),

sightings as (
    select * from staging.sightings
    where endpoint = 'invoices'
)

select
    versions.*,
    sightings.verified_at
from versions
left join sightings on versions.invoice_id = sightings.entity_id
