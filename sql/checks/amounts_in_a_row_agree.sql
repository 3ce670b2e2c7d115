-- Amounts in one row that are computed from each other.
with

amounts as (
    select
        'changes_after_filing' as report,
        format('{} {}', month_on, invoice_id) as row_key,
        base_effect::decimal(38, 2) as amount,
        base_now::decimal(38, 2) - base_before as source_amount
    from reporting.changes_after_filing
    union all
    select
        'changes_after_filing' as report,
        format('{} {}', month_on, invoice_id) as row_key,
        tax_effect::decimal(38, 2) as amount,
        tax_now::decimal(38, 2) - tax_before as source_amount
    from reporting.changes_after_filing
    union all
    select
        'withholding_missing' as report,
        format('{} {}', month_on, customer_id) as row_key,
        missing::decimal(38, 2) as amount,
        expected_withholding::decimal(38, 2) - certified as source_amount
    from reporting.withholding_missing
    union all
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
