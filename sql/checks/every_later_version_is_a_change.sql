-- Every version of a document after its first, per type of document.
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
with

sides as (
    select
        document_type,
        1 as later_versions
    from reporting.document_changes
    union all by name
    select
        'invoice' as document_type,
        1 - count(*) as later_versions
    from staging.invoices_history
    group by invoice_id, first_seen_at
    union all by name
    select
        'sales order' as document_type,
        1 - count(*) as later_versions
    from staging.sales_orders_history
    group by sales_order_id, first_seen_at
    union all by name
    select
        'purchase order' as document_type,
        1 - count(*) as later_versions
    from staging.purchase_orders_history
    group by purchase_order_id, first_seen_at
)

select
    document_type,
    sum(later_versions) as difference
from sides
group by all
having sum(later_versions) <> 0
