-- As many as there are; that each is there once, their keys show.
with

sides as (
    select
        'invoice' as entity,
        count(*) as records
    from staging.invoices
    union all
    select
        'invoice' as entity,
        -count(*) as records
    from staging.invoices_history
    where valid_to is null
    union all
    select
        'sales order' as entity,
        count(*) as records
    from staging.sales_orders
    union all
    select
        'sales order' as entity,
        -count(*) as records
    from staging.sales_orders_history
    where valid_to is null
    union all
    select
        'purchase order' as entity,
        count(*) as records
    from staging.purchase_orders
    union all
    select
        'purchase order' as entity,
        -count(*) as records
    from staging.purchase_orders_history
    where valid_to is null
    union all
    select
        'product' as entity,
        count(*) as records
    from staging.products
    union all
    select
        'product' as entity,
        -count(*) as records
    from staging.products_history
    where valid_to is null
    union all
    select
        'customer' as entity,
        count(*) as records
    from staging.customers
    union all
    select
        'customer' as entity,
        -count(*) as records
    from staging.customers_history
    where valid_to is null
    union all
    select
        'vendor' as entity,
        count(*) as records
    from staging.vendors
    union all
    select
        'vendor' as entity,
        -count(*) as records
    from staging.vendors_history
    where valid_to is null
)

select
    entity,
    sum(records) as records
from sides
group by entity
having sum(records) <> 0
