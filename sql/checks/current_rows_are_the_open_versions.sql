-- The current tables hold exactly the open version of each record.
with

sides as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        invoice_subtotal as subtotal,
        invoice_tax as tax,
        invoice_total as total,
        amount_paid,
        balance,
        1 as copies
    from staging.invoices
    union all by name
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        sales_order_subtotal as subtotal,
        sales_order_tax as tax,
        sales_order_total as total,
        1 as copies
    from staging.sales_orders
    union all by name
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        purchase_order_subtotal as subtotal,
        purchase_order_tax as tax,
        purchase_order_total as total,
        1 as copies
    from staging.purchase_orders
    union all by name
    select
        'product' as entity,
        product_id as entity_id,
        list_price,
        unit_cost,
        1 as copies
    from staging.products
    union all by name
    select
        'customer' as entity,
        customer_id as entity_id,
        credit_limit,
        balance,
        1 as copies
    from staging.customers
    union all by name
    select
        'vendor' as entity,
        vendor_id as entity_id,
        balance,
        1 as copies
    from staging.vendors
    union all by name
    select
        'invoice' as entity,
        invoice_id as entity_id,
        invoice_subtotal as subtotal,
        invoice_tax as tax,
        invoice_total as total,
        amount_paid,
        balance,
        -1 as copies
    from staging.invoices_history
    where valid_to is null
    union all by name
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        sales_order_subtotal as subtotal,
        sales_order_tax as tax,
        sales_order_total as total,
        -1 as copies
    from staging.sales_orders_history
    where valid_to is null
    union all by name
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        purchase_order_subtotal as subtotal,
        purchase_order_tax as tax,
        purchase_order_total as total,
        -1 as copies
    from staging.purchase_orders_history
    where valid_to is null
    union all by name
    select
        'product' as entity,
        product_id as entity_id,
        list_price,
        unit_cost,
        -1 as copies
    from staging.products_history
    where valid_to is null
    union all by name
    select
        'customer' as entity,
        customer_id as entity_id,
        credit_limit,
        balance,
        -1 as copies
    from staging.customers_history
    where valid_to is null
    union all by name
    select
        'vendor' as entity,
        vendor_id as entity_id,
        balance,
        -1 as copies
    from staging.vendors_history
    where valid_to is null
)

-- The amounts are part of the key, so that a missing one is compared too.
select
    entity,
    entity_id,
    subtotal,
    tax,
    total,
    amount_paid,
    balance,
    list_price,
    unit_cost,
    credit_limit,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
