-- One row per sales order that P4 Books has now.
with

versions as (
    select * from staging.sales_orders_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'sales_orders'
),

current_rows as (
    select
        versions.sales_order_id,
        versions.customer_id,
        versions.warehouse_id,

        versions.sales_order_code,
        versions.currency,
        versions.sales_order_status,

        versions.document_on,
        versions.required_on,
        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.sales_order_subtotal,
        versions.sales_order_tax,
        versions.sales_order_total,

        versions.extra
    from versions
    left join seen on versions.sales_order_id = seen.id
)

select * from current_rows
