-- One row per product in P4 Books now.
-- key: product_id
-- partition: product_id, id
-- question: What does P4 Books hold for each product now?
-- query: select product_code, product_name, list_price, unit_cost
--   from staging.products order by product_name limit 10
with

versions as (
    select
        *,
        product_id as entity_id
    from staging.products_history
),

seen as (
    select * from raw.seen
    where endpoint = 'products'
)

select * from current_rows(versions, seen)
