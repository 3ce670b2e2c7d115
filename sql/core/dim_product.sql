-- One row per product, deleted ones too, and per product that only documents know.
-- key: product_id
-- question: What do we sell, and at which list price and cost?
-- query: select product_code, product_name, list_price, unit_cost
--   from core.dim_product where is_active order by product_name
with

versions as (
    select * from staging.products_history
),

spans as (
    select
        product_id,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at,
        bool_and(valid_to is not null) as is_deleted
    from versions
    group by product_id
),

known as (
    select
        versions.*,
        spans.first_seen_at,
        spans.is_deleted,
        if(spans.is_deleted, versions.valid_to, versions.valid_from) as last_changed_at
    from versions
    inner join spans
        on
            versions.product_id = spans.product_id
            and versions.valid_from = spans.last_changed_at
),

named as (
    select product_id from core.fct_invoice_line
    union
    select product_id from core.fct_sales_order_line
    union
    select product_id from core.fct_purchase_order_line
),

unknown as (
    select named.product_id from named
    anti join known on named.product_id = known.product_id
),

products as (
    select
        product_id,

        product_code,
        coalesce(product_name, product_code, product_id) as product_name,
        product_type,
        unit_of_measure,
        upper(trim(tax_code)) as tax_code,
        product_status,

        not is_deleted
        and coalesce(lower(product_status), 'active') = 'active' as is_active,
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
        if(
            product_id = '(none)', '(none)',
            format('(unknown {})', product_id)
        ) as product_name,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
)

select * from products
