-- One row per customer and currency with an overdue balance, in order of urgency.
-- key: customer_id, currency
-- section: Receivables and cash
-- order: currency, overdue desc, worst_days desc, customer_id
-- total: overdue, balance
-- question: Whom do we call today?
-- query: select rank, customer_name, phone, overdue, worst_days
--   from reporting.collections_worklist where rank <= 10 order by currency, rank
with

aging as (
    select * from reporting.ar_aging
    where overdue > 0
),

-- An unapplied credit reduces the balance, but does not make a customer late.
items as (
    select
        customer_id,
        currency,
        min(due_on) as oldest_due_on,
        max(days_overdue) as worst_days,
        count(*) filter (where days_overdue > 0) as overdue_documents
    from reporting.ar_open_items
    where balance > 0
    group by customer_id, currency
),

last_invoices as (
    select
        customer_id,
        currency,
        max(document_on) as last_invoice_on,
        arg_max_null(
            invoice_code,
            (document_on, coalesce(try_cast(invoice_id as hugeint), 0), invoice_id)
        ) as last_invoice_code
    from core.fct_invoice
    where is_live and not is_credit_note
    group by customer_id, currency
),

customers as (
    select * from core.dim_customer
),

ranked as (
    select
        aging.customer_id,

        aging.customer_code,
        aging.customer_name,
        aging.currency,
        customers.phone,
        customers.email,
        last_invoices.last_invoice_code,

        last_invoices.last_invoice_on,
        items.oldest_due_on,

        row_number() over (
            partition by aging.currency
            order by aging.overdue desc, items.worst_days desc, aging.customer_id asc
        ) as rank,
        items.worst_days,
        items.overdue_documents,

        aging.overdue,
        aging.balance
    from aging
    inner join items
        on aging.customer_id = items.customer_id and aging.currency = items.currency
    left join last_invoices
        on
            aging.customer_id = last_invoices.customer_id
            and aging.currency = last_invoices.currency
    left join customers on aging.customer_id = customers.customer_id
)

select * from ranked
