-- No line 0 stands in the sums without a word.
with

differences as (
    select invoice_id from core.fct_invoice_line
    where is_difference and line_net <> 0
),

told as (
    select entity_id as invoice_id
    from reporting.data_quality
    where
        entity = 'invoice'
        and rule in ('subtotal is not the sum of lines', 'no subtotal')
),

odd as (
    select differences.invoice_id from differences
    anti join told on differences.invoice_id = told.invoice_id
)

select * from odd
