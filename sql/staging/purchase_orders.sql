-- One row per purchase order in P4 Books now.
-- key: purchase_order_id
-- partition: purchase_order_id, id
-- question: What does P4 Books hold for each purchase order now?
-- query: select purchase_order_code, document_on, expected_on, purchase_order_status,
--   purchase_order_total
--   from staging.purchase_orders order by document_on desc limit 10
with

versions as (
    select
        *,
        purchase_order_id as entity_id
    from staging.purchase_orders_history
),

seen as (
    select * from raw.seen
    where endpoint = 'purchase_orders'
)

select * from current_rows(versions, seen)
