-- One row per version of an invoice, its amounts made whole: from when to when.
-- key: invoice_id, valid_from
-- question: What was owed on an invoice at an earlier time?
-- query: select invoice_code, valid_from, valid_to, balance
--   from core.fct_invoice_history order by invoice_id, valid_from limit 20
with

versions as (
    select * from staging.invoices_history
),

as_of as (
    select * from core.as_of
),

worded as (
    select
        versions.*,
        as_of.currency as tenant_currency,
        as_of.timezone,
        regexp_replace(lower(versions.invoice_status), '[^a-z]', '', 'g') as word,
        min(versions.valid_from) over (partition by versions.invoice_id)
            as first_seen_at
    from versions
    cross join as_of
),

dated as (
    -- A document without a day belongs to the first day that anything tells of it.
    select
        *,
        coalesce(
            document_on,
            posted_on,
            timezone(timezone, created_at)::date,
            timezone(timezone, first_seen_at)::date
        ) as dated_on
    from worded
),

netted as (
    select
        *,
        coalesce(
            invoice_subtotal,
            try_cast(invoice_total::decimal(19, 2) - invoice_tax as decimal(18, 2)),
            lines_subtotal,
            invoice_total,
            0
        ) as net
    from dated
),

taxed as (
    select
        *,
        coalesce(
            invoice_tax,
            try_cast(invoice_total::decimal(19, 2) - net as decimal(18, 2)),
            0
        ) as tax
    from netted
),

summed as (
    select
        *,
        coalesce(
            invoice_total,
            try_cast(net::decimal(19, 2) + tax as decimal(18, 2)),
            0
        ) as total
    from taxed
),

owed as (
    -- Where the balance is missing it is what is not paid yet.
    select
        *,
        coalesce(
            balance,
            try_cast(
                total::decimal(19, 2) - coalesce(amount_paid, 0) as decimal(18, 2)
            ),
            0
        ) as owing
    from summed
),

reckoned as (
    select
        invoice_id,
        coalesce(customer_id, '(none)') as customer_id,
        sales_order_id,

        invoice_code,
        coalesce(nullif(upper(trim(currency)), ''), tenant_currency) as currency,
        invoice_status,

        coalesce(word not in ('void', 'draft'), true) as is_live,
        coalesce(word not in ('void', 'draft'), true) and owing <> 0 as is_open,
        coalesce(word = 'void', false) as is_void,
        coalesce(word = 'draft', false) as is_draft,
        coalesce(word = 'paid', false) as is_paid,
        total < 0 as is_credit_note,

        valid_from,
        valid_to,

        dated_on as document_on,
        coalesce(due_on, dated_on) as due_on,
        posted_on,

        net as invoice_subtotal,
        tax as invoice_tax,
        total as invoice_total,
        coalesce(
            amount_paid,
            try_cast(total::decimal(19, 2) - owing as decimal(18, 2)),
            0
        ) as amount_paid,
        owing as balance
    from owed
)

select * from reckoned
