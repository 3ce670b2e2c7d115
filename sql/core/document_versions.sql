-- One row per version of an invoice or order, as P4 Books gave it.
-- key: document_type, document_id, valid_from
-- published: no
with

invoices as (
    select
        'invoice' as document_type,
        invoice_id as document_id,
        customer_id as party_id,

        invoice_code as document_code,
        currency,
        invoice_status as status,

        valid_from,
        valid_to,
        first_seen_at,
        created_at,

        document_on,
        due_on,
        posted_on,

        invoice_subtotal as net,
        invoice_tax as tax,
        invoice_total as total,
        amount_paid,
        balance
    from staging.invoices_history
),

sales_orders as (
    select
        'sales order' as document_type,
        sales_order_id as document_id,
        customer_id as party_id,

        sales_order_code as document_code,
        currency,
        sales_order_status as status,

        valid_from,
        valid_to,
        first_seen_at,
        created_at,

        document_on,
        required_on as due_on,

        sales_order_subtotal as net,
        sales_order_tax as tax,
        sales_order_total as total
    from staging.sales_orders_history
),

purchase_orders as (
    select
        'purchase order' as document_type,
        purchase_order_id as document_id,
        vendor_id as party_id,

        purchase_order_code as document_code,
        currency,
        purchase_order_status as status,

        valid_from,
        valid_to,
        first_seen_at,
        created_at,

        document_on,
        expected_on as due_on,

        purchase_order_subtotal as net,
        purchase_order_tax as tax,
        purchase_order_total as total
    from staging.purchase_orders_history
),

versions as (
    select * from invoices
    union all by name
    select * from sales_orders
    union all by name
    select * from purchase_orders
)

select * from versions
