-- One row per customer with invoices seen turning Paid: how fast and how late.
-- key: customer_id
-- section: Receivables and cash
-- order: average_days_late desc, customer_id
-- question: Which customers pay late, and by how many days?
-- query: select customer_name, paid_invoices, average_days_to_pay, average_days_late
--   from reporting.payment_behaviour order by average_days_late desc limit 10
with

as_of as (
    select * from core.as_of
),

versions as (
    select
        *,
        lag(is_paid) over (
            partition by invoice_id, first_seen_at order by valid_from
        ) as was_paid
    from core.fct_invoice_history
),

turned as (
    -- If an invoice was paid, reopened and paid again, the last payment counts.
    select
        versions.invoice_id,
        versions.first_seen_at,
        max(local_day(versions.valid_from, as_of.timezone)) as paid_on
    from versions
    cross join as_of
    where versions.is_paid and not versions.was_paid
    group by versions.invoice_id, versions.first_seen_at
),

paid as (
    select
        invoices.customer_id,
        turned.paid_on - invoices.document_on as days_to_pay,
        turned.paid_on - invoices.due_on as days_late
    from core.fct_invoice as invoices
    inner join turned
        on
            invoices.invoice_id = turned.invoice_id
            and invoices.first_seen_at = turned.first_seen_at
    where
        invoices.is_live and invoices.is_paid
        and not invoices.is_credit_note
        and invoices.customer_id <> '(none)'
),

averages as (
    select
        customer_id,
        count(*) as paid_invoices,
        count(*) filter (where days_late > 0) as paid_late,
        avg(days_to_pay) as average_days_to_pay,
        avg(days_late) as average_days_late
    from paid
    group by customer_id
),

named as (
    select
        averages.customer_id,

        customers.customer_code,
        customers.customer_name,
        customers.payment_terms,

        as_of.history_since,

        averages.paid_invoices,
        averages.paid_late,
        try_cast(averages.average_days_to_pay as decimal(18, 2))
            as average_days_to_pay,
        try_cast(averages.average_days_late as decimal(18, 2)) as average_days_late
    from averages
    left join core.dim_customer as customers
        on averages.customer_id = customers.customer_id
    cross join as_of
)

select * from named
