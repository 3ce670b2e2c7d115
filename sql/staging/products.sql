-- One row per product that P4 Books has now.
with

versions as (
    select * from staging.products_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'products'
),

current_rows as (
    select
        versions.product_id,
        versions.product_group_id,

        versions.product_code,
        versions.product_name,
        versions.product_description,
        versions.product_type,
        versions.unit_of_measure,
        versions.tax_code,
        versions.product_status,

        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.list_price,
        versions.unit_cost,

        versions.extra
    from versions
    left join seen on versions.product_id = seen.id
)

select * from current_rows
