-- One row per list of orders: since when its history is known.
-- key: document_type
-- published: no
with

today as (
    select * from core.today
),

-- when the first copy of each list began to be held
lists as (
    select * from raw.history
),

kinds as (
    select
        'sales order' as document_type,
        'sales_orders' as endpoint
    union all
    select
        'purchase order' as document_type,
        'purchase_orders' as endpoint
)

select
    kinds.document_type,
    coalesce(lists.since, today.history_since) as history_since
from kinds
cross join today
left join lists on kinds.endpoint = lists.endpoint
