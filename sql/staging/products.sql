-- One row per product that P4 Books has now.
-- key: product_id
-- question: What does P4 Books say of each product now?
-- query: select product_code, product_name, list_price, unit_cost
--   from staging.products order by product_name limit 10
with

versions as (
    select * exclude (valid_from, valid_to) from staging.products_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'products'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.product_id = seen.id
)

select * from current_rows
