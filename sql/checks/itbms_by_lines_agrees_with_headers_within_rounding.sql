-- An invoice that contradicts this in P4 Books itself is a finding, not a failure.
with

lines as (
    select
        invoice_id,
        count(*) as line_count,
        sum(line_tax) as tax_by_lines
    from core.fct_invoice_line
    where is_live
    group by invoice_id
),

invoices as (
    select
        invoice_id,
        invoice_tax
    from core.fct_invoice
    where is_live
),

findings as (
    select entity_id as invoice_id
    from reporting.data_quality
    where rule = 'tax is not base times rate' and entity = 'invoice'
),

differences as (
    select
        invoices.invoice_id,
        invoices.invoice_tax,
        lines.tax_by_lines
    from invoices
    inner join lines on invoices.invoice_id = lines.invoice_id
    anti join findings on invoices.invoice_id = findings.invoice_id
    where
        abs(invoices.invoice_tax - lines.tax_by_lines) > 0.005 * (lines.line_count + 1)
)

select * from differences
