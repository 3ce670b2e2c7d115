-- One row per product, including deleted ones and ones known from documents only.
-- key: product_id
-- question: What do we sell, and at which list price and cost?
-- query: select product_code, product_name, list_price, unit_cost
--   from core.dim_product where is_active order by product_name
with

versions as (
    select
        *,
        product_id as entity_id
    from staging.products_history
),

known as (
    select * from last_versions(versions)
),

in_documents as (
    select product_id from core.fct_invoice_line
    union
    select product_id from core.fct_sales_order_line
    union
    select product_id from core.fct_purchase_order_line
),

unknown as (
    select in_documents.product_id from in_documents
    anti join known on in_documents.product_id = known.product_id
),

products as (
    select
        product_id,

        product_code,
        coalesce(product_name, product_code, product_id) as product_name,
        product_type,
        unit_of_measure,
        code_key(tax_code) as tax_code,
        product_status,

        is_active_record(is_deleted, product_status) as is_active,
        is_deleted,
        true as is_known,

        first_seen_at,
        last_changed_at,

        list_price,
        unit_cost
    from known
    union all by name
    select
        product_id,
        unknown_name(product_id) as product_name,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
)

select * from products
