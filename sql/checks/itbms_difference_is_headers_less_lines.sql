with

months as (
    select
        month_on,
        currency,
        any_value(month_tax_charged) as charged,
        any_value(month_tax_by_lines) as by_lines,
        any_value(month_difference) as difference,
        if(count(*) = count(tax), sum(tax), null) as by_rows
    from reporting.itbms_by_month
    group by month_on, currency
),

headers as (
    select
        date_trunc('month', document_on)::date as month_on,
        currency,
        sum(invoice_tax) as charged
    from core.fct_invoice
    where is_live
    group by all
),

odd as (
    select
        months.month_on,
        months.currency,
        months.charged,
        headers.charged as source_charged,
        months.by_lines,
        months.by_rows,
        months.difference
    from months
    left join headers
        on months.month_on = headers.month_on and months.currency = headers.currency
    where
        months.charged <> coalesce(headers.charged, 0)
        or months.by_lines <> months.by_rows
        or months.difference <> months.charged::decimal(38, 2) - months.by_lines
)

select * from odd
