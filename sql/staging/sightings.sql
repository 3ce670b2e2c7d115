-- One row per record in P4 Books now: when it was last seen there.
-- key: endpoint, entity_id
-- question: When were the records of a list last seen?
-- query: select endpoint, min(verified_at) as oldest, max(verified_at) as newest
--   from staging.sightings group by endpoint
with

seen as (
    select * from raw.seen
)

select
    endpoint,
    id_text(id) as entity_id,
    verified_at
from seen
