-- Once, with its last total.
with

versions as (
    select
        'invoice' as document_type,
        invoice_id as document_id,
        invoice_status as status,
        invoice_total as total,
        first_seen_at,
        valid_from,
        valid_to
    from staging.invoices_history
    union all
    select
        'sales order' as document_type,
        sales_order_id as document_id,
        sales_order_status as status,
        sales_order_total as total,
        first_seen_at,
        valid_from,
        valid_to
    from staging.sales_orders_history
    union all
    select
        'purchase order' as document_type,
        purchase_order_id as document_id,
        purchase_order_status as status,
        purchase_order_total as total,
        first_seen_at,
        valid_from,
        valid_to
    from staging.purchase_orders_history
),

last_versions as (
    select
        *,
        regexp_replace(lower(status), '[^a-z]', '', 'g') as status_word
    from versions
    qualify row_number() over (
        partition by document_type, document_id, first_seen_at
        order by valid_from desc
    ) = 1
),

sides as (
    select
        document_type,
        document_id,
        total,
        1 as copies
    from reporting.void_and_deleted
    union all by name
    select
        document_type,
        document_id,
        total,
        -1 as copies
    from last_versions
    where
        valid_to is not null
        or status_word = 'void'
        or (document_type <> 'invoice' and status_word in ('cancelled', 'canceled'))
)

select
    document_type,
    document_id,
    total,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
