-- One row per customer, month of payment and currency: ITBMS withheld, as far as seen.
-- key: customer_id, month_on, currency
-- section: ITBMS
-- order: month_on desc, customer_id, currency
-- period: month_on
-- total: expected_withholding
-- question: How much ITBMS did customers withhold when they paid?
-- query: select month_on, customer_name, documents, expected_withholding
--   from reporting.withholding_expected order by month_on desc, customer_name
with

today as (
    select * from core.today
),

withholders as (
    select * from core.withholding_customers
),

customers as (
    select * from core.dim_customer
),

invoices as (
    select
        invoices.invoice_id,
        invoices.customer_id,
        invoices.currency,
        invoices.first_seen_at
    from core.fct_invoice as invoices
    semi join withholders on invoices.customer_id = withholders.customer_id
    where invoices.is_live
),

versions as (
    select
        invoices.*,
        today.history_since,
        versions.valid_from,
        local_day(versions.valid_from, today.timezone) as seen_on,
        if(versions.is_live, versions.invoice_tax, 0) as tax,
        if(versions.is_live, versions.invoice_total, 0) as total,
        if(versions.is_live, versions.amount_paid, 0) as amount_paid
    from core.fct_invoice_history as versions
    inner join invoices
        on
            versions.invoice_id = invoices.invoice_id
            and versions.first_seen_at = invoices.first_seen_at
    cross join today
),

-- What was paid when an invoice was first seen was paid before that, and in an unknown
-- month if that was in the first copy.
steps as (
    select
        *,
        lag(tax, 1, 0) over in_order as tax_before,
        lag(total, 1, 0) over in_order as total_before,
        lag(amount_paid, 1, 0) over in_order as amount_paid_before,
        valid_from = first_seen_at and first_seen_at <= history_since as is_first_copy
    from versions
    window in_order as (
        partition by invoice_id, first_seen_at order by valid_from
    )
),

payments as (
    select
        steps.invoice_id,
        steps.customer_id,
        steps.currency,
        month_of(steps.seen_on) as month_on,
        tax_withheld(
            steps.tax, steps.total, withholders.withholding_share, steps.amount_paid
        )::decimal(19, 2)
        - tax_withheld(
            steps.tax_before,
            steps.total_before,
            withholders.withholding_share,
            steps.amount_paid_before
        ) as withheld
    from steps
    inner join withholders
        on
            steps.customer_id = withholders.customer_id
            and steps.seen_on >= withholders.valid_from
            and steps.seen_on <= withholders.valid_to
    where not steps.is_first_copy
),

months as (
    select
        customer_id,
        currency,
        month_on,
        count(distinct invoice_id) as documents,
        sum(withheld) as withheld
    from payments
    where withheld <> 0
    group by customer_id, currency, month_on
),

named as (
    select
        months.customer_id,

        customers.customer_code,
        customers.customer_name,
        customers.tax_id,
        months.currency,

        months.month_on,
        today.history_since,

        months.documents,

        as_money(months.withheld) as expected_withholding
    from months
    left join customers on months.customer_id = customers.customer_id
    cross join today
)

select * from named
