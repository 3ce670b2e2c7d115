-- If the rate of a line is unknown, the lines add up to the tax that was charged.
-- partition: invoice_id
with

lines as (
    select
        invoice_id,
        sum(line_tax) as tax_by_lines
    from core.fct_invoice_line
    group by invoice_id
    having count(*) > count(tax_rate) and count(*) = count(line_tax)
),

differences as (
    select
        lines.invoice_id,
        lines.tax_by_lines,
        invoices.invoice_tax
    from lines
    inner join core.fct_invoice as invoices on lines.invoice_id = invoices.invoice_id
    where lines.tax_by_lines <> invoices.invoice_tax
)

select * from differences
