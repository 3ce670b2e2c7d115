-- One row per sales order that P4 Books has now.
-- key: sales_order_id
-- question: What does P4 Books say of each sales order now?
-- query: select sales_order_code, document_on, required_on, sales_order_status,
--   sales_order_total
--   from staging.sales_orders order by document_on desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to) from staging.sales_orders_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'sales_orders'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.sales_order_id = seen.id
)

select * from current_rows
