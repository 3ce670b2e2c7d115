-- One row per month and currency: days sales outstanding (DSO).
-- key: month_end_on, currency
-- section: Receivables and cash
-- order: month_end_on desc, currency
-- period: month_end_on
-- question: How many days do our customers take to pay, and how many of these are late?
-- query: select month_end_on, currency, dso, best_possible_dso, average_days_late
--   from reporting.dso order by month_end_on desc
with

months as (
    select * from core.month_ends
),

versions as (
    select * from core.fct_invoice_history
    where is_live
),

then_live as (
    select
        versions.*,
        months.month_end_on,
        months.measured_on,
        months.is_month_over,
        months.history_since
    from months
    inner join versions
        on
            months.measured_at >= versions.valid_from
            and months.measured_at < coalesce(versions.valid_to, 'infinity')
    where
        versions.is_open
        or versions.document_on between months.measured_on - 89 and months.measured_on
),

sums as (
    -- Credit sales are those that are not due on the day of sale.
    select
        month_end_on,
        measured_on,
        is_month_over,
        history_since,
        currency,
        coalesce(
            sum(invoice_total) filter (
                where document_on between measured_on - 89 and measured_on
                and (due_on > document_on or is_credit_note)
            ),
            0
        ) as credit_sales,
        coalesce(sum(balance) filter (where is_open), 0) as receivables,
        coalesce(
            sum(balance) filter (where is_open and due_on >= measured_on), 0
        ) as receivables_not_due
    from then_live
    group by all
),

days as (
    select
        *,
        days_of_sales(receivables, credit_sales) as dso,
        days_of_sales(receivables_not_due, credit_sales) as best_possible_dso
    from sums
),

finished as (
    select
        currency,

        is_month_over,

        month_end_on,
        measured_on,
        history_since,

        dso,
        best_possible_dso,
        try_cast(dso::decimal(19, 2) - best_possible_dso as decimal(18, 2))
            as average_days_late,

        as_money(credit_sales) as credit_sales,
        as_money(receivables) as receivables
    from days
)

select * from finished
