-- One row per version of an invoice, with missing amounts filled in.
-- key: invoice_id, valid_from
-- partition: invoice_id
-- period: document_on
-- question: What was owed on an invoice at an earlier time?
-- query: select invoice_code, valid_from, valid_to, balance
--   from core.fct_invoice_history order by invoice_id, valid_from limit 20
with

versions as (
    select * from staging.invoices_history
),

today as (
    select * from core.today
),

joined as (
    select
        versions.*,
        today.currency as tenant_currency,
        today.timezone,
        today.tax_date,
        status_word(versions.invoice_status) as word
    from versions
    cross join today
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

judged as (
    select
        *,
        coalesce(word = 'paid', false) as is_paid,
        coalesce(word = 'void', false) as is_void,
        coalesce(word = 'draft', false) as is_draft
    from summed
),

owed as (
    -- A missing balance is the total less what was paid. If that is missing, too,
    -- nothing is owed on a paid invoice; on a void one or a draft, nothing is anyway.
    select
        *,
        case
            when balance is not null then balance
            when is_void or is_draft then 0
            when is_paid and amount_paid is null then 0
            else
                coalesce(
                    as_money(total::decimal(19, 2) - coalesce(amount_paid, 0)), 0
                )
        end as owing
    from judged
),

finished as (
    select
        invoice_id,
        coalesce(customer_id, '(none)') as customer_id,
        sales_order_id,

        invoice_code,
        currency_or(currency, tenant_currency) as currency,
        invoice_status,

        not is_void and not is_draft as is_live,
        not is_void and not is_draft and owing <> 0 as is_open,
        is_void,
        is_draft,
        is_paid,
        total < 0 as is_credit_note,

        valid_from,
        valid_to,
        first_seen_at,

        dated_on as document_on,
        coalesce(due_on, dated_on) as due_on,
        posted_on,
        -- the ITBMS of an invoice without a posting date is that of its document date
        if(tax_date = 'posting', coalesce(posted_on, dated_on), dated_on) as tax_on,

        net as invoice_subtotal,
        tax as invoice_tax,
        total as invoice_total,
        case
            when amount_paid is not null then amount_paid
            when balance is null and (is_void or is_draft) then 0
            else coalesce(as_money(total::decimal(19, 2) - owing), 0)
        end as amount_paid,
        owing as balance
    from owed
)

select * from finished
