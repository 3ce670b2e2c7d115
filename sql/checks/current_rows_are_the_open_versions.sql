-- The clean tables hold of each record the version that is open, as it is.
with

current_rows as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        [invoice_subtotal, invoice_tax, invoice_total, amount_paid, balance] as amounts
    from staging.invoices
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        [sales_order_subtotal, sales_order_tax, sales_order_total] as amounts
    from staging.sales_orders
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        [purchase_order_subtotal, purchase_order_tax, purchase_order_total] as amounts
    from staging.purchase_orders
    union all
    select
        'product' as entity,
        product_id as entity_id,
        [list_price, unit_cost] as amounts
    from staging.products
    union all
    select
        'customer' as entity,
        customer_id as entity_id,
        [credit_limit, balance] as amounts
    from staging.customers
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        [balance] as amounts
    from staging.vendors
),

open_versions as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        [invoice_subtotal, invoice_tax, invoice_total, amount_paid, balance] as amounts
    from staging.invoices_history
    where valid_to is null
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        [sales_order_subtotal, sales_order_tax, sales_order_total] as amounts
    from staging.sales_orders_history
    where valid_to is null
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        [purchase_order_subtotal, purchase_order_tax, purchase_order_total] as amounts
    from staging.purchase_orders_history
    where valid_to is null
    union all
    select
        'product' as entity,
        product_id as entity_id,
        [list_price, unit_cost] as amounts
    from staging.products_history
    where valid_to is null
    union all
    select
        'customer' as entity,
        customer_id as entity_id,
        [credit_limit, balance] as amounts
    from staging.customers_history
    where valid_to is null
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        [balance] as amounts
    from staging.vendors_history
    where valid_to is null
),

odd as (
    select
        coalesce(current_rows.entity, open_versions.entity) as entity,
        coalesce(current_rows.entity_id, open_versions.entity_id) as entity_id,
        current_rows.amounts,
        open_versions.amounts as source_amounts
    from current_rows
    full join open_versions
        on
            current_rows.entity = open_versions.entity
            and current_rows.entity_id = open_versions.entity_id
    where current_rows.amounts is distinct from open_versions.amounts
)

select * from odd
