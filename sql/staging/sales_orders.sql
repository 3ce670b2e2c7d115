-- One row per sales order in P4 Books now.
-- key: sales_order_id
-- partition: sales_order_id, id
-- question: What does P4 Books hold for each sales order now?
-- query: select sales_order_code, document_on, required_on, sales_order_status,
--   sales_order_total
--   from staging.sales_orders order by document_on desc limit 10
with

versions as (
    select
        *,
        sales_order_id as entity_id
    from staging.sales_orders_history
),

seen as (
    select * from raw.seen
    where endpoint = 'sales_orders'
)

select * from current_rows(versions, seen)
