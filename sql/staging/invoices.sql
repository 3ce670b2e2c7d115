-- One row per invoice that P4 Books has now.
with

versions as (
    select * from staging.invoices_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'invoices'
),

current_rows as (
    select
        versions.invoice_id,
        versions.customer_id,
        versions.sales_order_id,

        versions.invoice_code,
        versions.currency,
        versions.invoice_status,

        versions.document_on,
        versions.due_on,
        versions.posted_on,
        versions.created_at,
        versions.modified_at,
        seen.verified_at,

        versions.invoice_subtotal,
        versions.invoice_tax,
        versions.invoice_total,
        versions.amount_paid,
        versions.balance,

        versions.extra
    from versions
    left join seen on versions.invoice_id = seen.id
)

select * from current_rows
