-- One row per purchase order that P4 Books has now.
with

versions as (
    select * exclude (valid_from, valid_to) from staging.purchase_orders_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'purchase_orders'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.purchase_order_id = seen.id
)

select * from current_rows
