-- A missing or unknown one is listed as (none) or (unknown ID).
with

nameless as (
    select
        'customer' as entity,
        facts.customer_id as entity_id
    from core.fct_invoice as facts
    anti join core.dim_customer as known on facts.customer_id = known.customer_id
    union all
    select
        'customer' as entity,
        facts.customer_id as entity_id
    from core.fct_sales_order as facts
    anti join core.dim_customer as known on facts.customer_id = known.customer_id
    union all
    select
        'vendor' as entity,
        facts.vendor_id as entity_id
    from core.fct_purchase_order as facts
    anti join core.dim_vendor as known on facts.vendor_id = known.vendor_id
    union all
    select
        'product' as entity,
        facts.product_id as entity_id
    from core.fct_item_activity as facts
    anti join core.dim_product as known on facts.product_id = known.product_id
)

select * from nameless
