-- A line 0 that adds to the sums is explained by a finding.
with

differences as (
    select invoice_id from core.fct_invoice_line
    where is_difference and line_net <> 0
),

findings as (
    select entity_id as invoice_id
    from reporting.data_quality
    where
        entity = 'invoice'
        and rule in ('subtotal is not the sum of lines', 'no subtotal')
),

unexplained as (
    select differences.invoice_id from differences
    anti join findings on differences.invoice_id = findings.invoice_id
)

select * from unexplained
