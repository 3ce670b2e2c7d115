with

versions as (
    select
        'invoice' as document_type,
        count(*) - count(distinct invoice_id) as later
    from staging.invoices_history
    union all
    select
        'sales order' as document_type,
        count(*) - count(distinct sales_order_id) as later
    from staging.sales_orders_history
    union all
    select
        'purchase order' as document_type,
        count(*) - count(distinct purchase_order_id) as later
    from staging.purchase_orders_history
),

changes as (
    select
        document_type,
        count(*) as told
    from reporting.document_changes
    group by document_type
),

odd as (
    select
        versions.document_type,
        versions.later,
        changes.told
    from versions
    left join changes on versions.document_type = changes.document_type
    where versions.later <> coalesce(changes.told, 0)
)

select * from odd
