-- One row per invoice in P4 Books, including credit notes, drafts and void invoices.
-- key: invoice_id
-- partition: invoice_id
-- published: view
-- period: document_on
-- question: How much did we invoice, and how much of it is still open?
-- query: select currency, sum(invoice_total) as total, sum(balance) as balance
--   from core.fct_invoice where is_live group by currency
with

versions as (
    select * from core.fct_invoice_history
),

current_rows as (
    select * from versions
    where valid_to is null
),

today as (
    select * from core.today
),

late as (
    select
        current_rows.*,
        if(
            current_rows.is_open,
            greatest(today.as_of_on - current_rows.due_on, 0),
            null
        ) as days_overdue
    from current_rows
    cross join today
),

aged as (
    select
        invoice_id,
        customer_id,
        sales_order_id,

        invoice_code,
        currency,
        invoice_status,
        case
            when days_overdue = 0 then 'current'
            when days_overdue <= 30 then '1-30'
            when days_overdue <= 60 then '31-60'
            when days_overdue <= 90 then '61-90'
            when days_overdue > 90 then '90+'
        end as aging_bucket,

        is_live,
        is_open,
        is_void,
        is_draft,
        is_paid,
        is_credit_note,

        document_on,
        due_on,
        posted_on,
        tax_on,
        first_seen_at,
        valid_from as last_changed_at,

        days_overdue,

        invoice_subtotal,
        invoice_tax,
        invoice_total,
        amount_paid,
        balance
    from late
)

select * from aged
