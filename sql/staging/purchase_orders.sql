-- One row per purchase order that P4 Books has now.
with

versions as (
    select * from staging.purchase_orders_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'purchase_orders'
),

current_rows as (
    select
        versions.purchase_order_id,
        versions.vendor_id,
        versions.warehouse_id,

        versions.purchase_order_code,
        versions.currency,
        versions.purchase_order_status,

        versions.document_on,
        versions.expected_on,
        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.purchase_order_subtotal,
        versions.purchase_order_tax,
        versions.purchase_order_total,

        versions.extra
    from versions
    left join seen on versions.purchase_order_id = seen.id
)

select * from current_rows
