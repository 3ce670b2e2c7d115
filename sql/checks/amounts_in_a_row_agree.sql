-- Amounts in one row that are computed from each other.
with

amounts as (
    select
        'ar_open_items' as report,
        items.invoice_id as row_key,
        items.amount_paid::decimal(38, 2) as amount,
        invoices.amount_paid::decimal(38, 2) as source_amount
    from reporting.ar_open_items as items
    inner join core.fct_invoice as invoices on items.invoice_id = invoices.invoice_id
    union all
    select
        'cash_forecast' as report,
        format('{} {}', week_on, currency) as row_key,
        net_cash::decimal(38, 2) as amount,
        expected_in::decimal(38, 2) + overdue_in - committed_out as source_amount
    from reporting.cash_forecast
    union all
    select
        'customer_balance_reconciliation' as report,
        customer_id as row_key,
        difference::decimal(38, 2) as amount,
        customer_balance::decimal(38, 2) - invoices_balance as source_amount
    from reporting.customer_balance_reconciliation
    union all
    select
        'customer_360' as report,
        format('{} {}', customer_id, currency) as row_key,
        credit_left::decimal(38, 2) as amount,
        credit_limit::decimal(38, 2) - balance as source_amount
    from reporting.customer_360
    union all
    select
        'itbms_by_month' as report,
        format('{} {}', month_on, currency) as row_key,
        month_difference::decimal(38, 2) as amount,
        month_tax_charged::decimal(38, 2) - month_tax_by_lines as source_amount
    from reporting.itbms_by_month
    union all
    select
        'fct_product_month' as report,
        product_id as row_key,
        margin::decimal(38, 2) as amount,
        net::decimal(38, 2) - cost_estimated as source_amount
    from core.fct_product_month
),

differences as (
    select * from amounts
    where amount <> source_amount
)

select * from differences
