-- One row per month, tax code, rate and currency: ITBMS base, and tax by lines.
-- key: month_on, tax_code, rate_name, currency
-- section: ITBMS
-- order: month_on desc, currency, tax_code, rate_name
-- period: month_on
-- total: taxable_base, exempt_base, tax
-- question: What goes into this month's ITBMS return?
-- query: select month_on, tax_code, rate_name, taxable_base, exempt_base, tax
--   from reporting.itbms_by_month order by month_on desc, tax_code limit 12
with

invoices as (
    select * from core.fct_invoice
    where is_live
),

lines as (
    select * from core.fct_invoice_line
    where is_live
),

-- A line with an unknown rate is taxable if tax was charged on such lines of its
-- invoice, by more than rounding.
charged as (
    select invoice_id from lines
    where not is_known_rate
    group by invoice_id
    having abs(sum(line_tax)) > 0.005 * (count(*) + 1)
),

rate_names as (
    select
        tax_rate,
        format('{:g} %', (tax_rate * 100)::double) as rate_name
    from lines
    where is_known_rate
    group by tax_rate
),

judged as (
    select
        lines.*,
        coalesce(rate_names.rate_name, '(unknown)') as rate_name,
        if(
            lines.is_known_rate, lines.tax_rate <> 0, charged.invoice_id is not null
        ) as is_taxable
    from lines
    left join rate_names on lines.tax_rate = rate_names.tax_rate
    left join charged on lines.invoice_id = charged.invoice_id
),

-- First by invoice, so that its lines with a rate count as one document.
by_invoice as (
    select
        invoice_id,
        tax_code,
        rate_name,
        any_value(month_of(tax_on)) as month_on,
        any_value(currency) as currency,
        any_value(tax_rate) as tax_rate,
        sum(line_net) filter (where is_taxable) as taxable_base,
        sum(line_net) filter (where not is_taxable) as exempt_base,
        sum(line_tax) as tax
    from judged
    group by invoice_id, tax_code, rate_name
),

by_rate as (
    select
        month_on,
        tax_code,
        rate_name,
        currency,
        any_value(tax_rate) as tax_rate,
        count(*) as documents,
        coalesce(sum(taxable_base), 0) as taxable_base,
        coalesce(sum(exempt_base), 0) as exempt_base,
        sum(tax) as tax
    from by_invoice
    group by month_on, tax_code, rate_name, currency
),

by_lines as (
    select
        month_on,
        currency,
        sum(tax) as tax
    from by_rate
    group by month_on, currency
),

by_headers as (
    select
        month_of(tax_on) as month_on,
        currency,
        sum(invoice_tax) as tax
    from invoices
    group by all
),

joined as (
    select
        by_rate.tax_code,
        by_rate.rate_name,
        by_rate.currency,

        by_rate.month_on,
        itbms_due(by_rate.month_on) as itbms_due_on,

        by_rate.documents,

        by_rate.tax_rate,
        as_money(by_rate.taxable_base) as taxable_base,
        as_money(by_rate.exempt_base) as exempt_base,
        as_money(by_rate.tax) as tax,
        as_money(by_lines.tax) as month_tax_by_lines,
        as_money(by_headers.tax) as month_tax_charged,
        as_money(by_headers.tax - by_lines.tax) as month_difference
    from by_rate
    inner join by_lines
        on by_rate.month_on = by_lines.month_on and by_rate.currency = by_lines.currency
    inner join by_headers
        on
            by_rate.month_on = by_headers.month_on
            and by_rate.currency = by_headers.currency
)

select * from joined
