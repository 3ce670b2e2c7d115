-- Once, with its last total.
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
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

judged as (
    select
        *,
        regexp_replace(lower(status), '[^a-z]', '', 'g') as status_word,
        valid_to is not null
        or status_word = 'void'
        or (document_type <> 'invoice' and status_word in ('cancelled', 'canceled'))
            as is_off
    from versions
),

ever_off as (
    select
        document_type,
        document_id,
        first_seen_at
    from judged
    where is_off
    group by document_type, document_id, first_seen_at
),

last_versions as (
    select judged.*
    from judged
    semi join ever_off
        on
            judged.document_type = ever_off.document_type
            and judged.document_id = ever_off.document_id
            and judged.first_seen_at = ever_off.first_seen_at
    qualify row_number() over (
        partition by judged.document_type, judged.document_id, judged.first_seen_at
        order by judged.valid_from desc
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
    where is_off
)

select
    document_type,
    document_id,
    total,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
