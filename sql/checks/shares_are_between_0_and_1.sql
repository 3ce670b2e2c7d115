-- A part is no more than its whole; a margin or a discount may be negative.
with

shares as (
    select
        'ar_aging' as report,
        format('{} {}', customer_id, currency) as row_key,
        share_overdue as ratio,
        0 as lowest
    from reporting.ar_aging
    union all
    select
        'ar_aging_history' as report,
        format('{} {} {}', customer_id, currency, month_end_on) as row_key,
        share_overdue as ratio,
        0 as lowest
    from reporting.ar_aging_history
    union all
    select
        'abc_customers' as report,
        format('{} {}', customer_id, currency) as row_key,
        unnest([net_share, cumulative_share]) as ratio,
        0 as lowest
    from reporting.abc_customers
    union all
    select
        'abc_products' as report,
        format('{} {}', product_id, currency) as row_key,
        unnest([net_share, cumulative_share]) as ratio,
        0 as lowest
    from reporting.abc_products
    union all
    select
        'cohort_retention' as report,
        format('{} {} {}', first_month_on, months_since, currency) as row_key,
        retention_share as ratio,
        0 as lowest
    from reporting.cohort_retention
    union all
    select
        'itbms_withholding_candidates' as report,
        format('{} {} {}', customer_id, month_on, currency) as row_key,
        withholding_share as ratio,
        0 as lowest
    from reporting.itbms_withholding_candidates
    union all
    select
        'vendor_scorecard' as report,
        format('{} {}', vendor_id, currency) as row_key,
        unnest([on_time_share, purchase_share]) as ratio,
        0 as lowest
    from reporting.vendor_scorecard
    union all
    select
        'product_margin' as report,
        format('{} {} {}', product_id, month_on, currency) as row_key,
        margin_share as ratio,
        null as lowest
    from reporting.product_margin
    union all
    select
        'price_realisation' as report,
        format('{} {} {} {}', product_id, customer_id, month_on, currency) as row_key,
        discount_share as ratio,
        null as lowest
    from reporting.price_realisation
)

select * from shares
where ratio > 1 or ratio < lowest
