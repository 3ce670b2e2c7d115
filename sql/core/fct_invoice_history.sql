-- One row per version of an invoice, with missing amounts filled in.
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

joined as (
    select
        versions.*,
        as_of.currency as tenant_currency,
        as_of.timezone,
        status_word(versions.invoice_status) as word,
        min(versions.valid_from) over (partition by versions.invoice_id)
            as first_seen_at
    from versions
    cross join as_of
),

dated as (
    -- A document without a date counts from the first day that is known of it.
    select
        *,
        coalesce(
            document_on,
            posted_on,
            local_day(created_at, timezone),
            local_day(first_seen_at, timezone)
        ) as dated_on
    from joined
),

netted as (
    select
        *,
        header_net(invoice_subtotal, invoice_tax, invoice_total, lines_subtotal) as net
    from dated
),

taxed as (
    select
        *,
        header_tax(invoice_tax, invoice_total, net) as tax
    from netted
),

summed as (
    select
        *,
        header_total(invoice_total, net, tax) as total
    from taxed
),

owed as (
    -- A missing balance is the total less what was paid.
    select
        *,
        coalesce(
            balance,
            as_money(total::decimal(19, 2) - coalesce(amount_paid, 0)),
            0
        ) as owing
    from summed
),

finished as (
    select
        invoice_id,
        coalesce(customer_id, '(none)') as customer_id,
        sales_order_id,

        invoice_code,
        currency_or(currency, tenant_currency) as currency,
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
            as_money(total::decimal(19, 2) - owing),
            0
        ) as amount_paid,
        owing as balance
    from owed
)

select * from finished
