-- One row per open invoice or credit note, with its customer and days overdue.
-- key: invoice_id
-- partition: customer_id
-- section: Receivables and cash
-- order: due_on, invoice_id
-- total: total, amount_paid, balance
-- question: Which invoices are open, and how many days overdue are they?
-- query: select customer_name, invoice_code, due_on, days_overdue, balance
--   from reporting.ar_open_items where days_overdue > 0 order by days_overdue desc
with

invoices as (
    select * from core.fct_invoice
    where is_open
),

customers as (
    select * from core.dim_customer
),

named as (
    select
        invoices.invoice_id,
        invoices.customer_id,

        invoices.invoice_code,
        customers.customer_code,
        customers.customer_name,
        invoices.invoice_status,
        invoices.currency,
        invoices.aging_bucket,

        invoices.is_credit_note,

        invoices.document_on,
        invoices.due_on,

        invoices.days_overdue,

        invoices.invoice_total as total,
        invoices.amount_paid,
        invoices.balance
    from invoices
    left join customers on invoices.customer_id = customers.customer_id
)

select * from named
