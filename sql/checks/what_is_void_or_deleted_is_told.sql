-- Each document that is void, cancelled or gone stands once, with its last amount.
with

documents as (
    select
        'invoice' as document_type,
        invoice_id as document_id,
        invoice_status as status,
        invoice_total as total,
        valid_from,
        valid_to
    from staging.invoices_history
    union all
    select
        'sales order' as document_type,
        sales_order_id as document_id,
        sales_order_status as status,
        sales_order_total as total,
        valid_from,
        valid_to
    from staging.sales_orders_history
    union all
    select
        'purchase order' as document_type,
        purchase_order_id as document_id,
        purchase_order_status as status,
        purchase_order_total as total,
        valid_from,
        valid_to
    from staging.purchase_orders_history
),

lasts as (
    select
        document_type,
        document_id,
        max(valid_from) as valid_from,
        bool_and(valid_to is not null) as is_gone
    from documents
    group by document_type, document_id
),

wanted as (
    select
        documents.document_type,
        documents.document_id,
        documents.total
    from documents
    inner join lasts
        on
            documents.document_type = lasts.document_type
            and documents.document_id = lasts.document_id
            and documents.valid_from = lasts.valid_from
    where
        lasts.is_gone
        or lower(trim(documents.status)) = 'void'
        or (
            documents.document_type <> 'invoice'
            and lower(trim(documents.status)) in ('cancelled', 'canceled')
        )
),

odd as (
    select
        coalesce(told.document_type, wanted.document_type) as document_type,
        coalesce(told.document_id, wanted.document_id) as document_id,
        told.total,
        wanted.total as source_total
    from wanted
    left join reporting.void_and_deleted as told
        on
            wanted.document_type = told.document_type
            and wanted.document_id = told.document_id
    where told.document_id is null or told.total is distinct from wanted.total
)

select * from odd
