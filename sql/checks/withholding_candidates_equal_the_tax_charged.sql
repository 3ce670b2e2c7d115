-- ITBMS charged, per customer, month and currency.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        month_on,
        currency,
        tax
    from reporting.itbms_withholding_candidates
    union all by name
    select
        customer_id,
        date_trunc('month', tax_on)::date as month_on,
        currency,
        -invoice_tax as tax
    from core.fct_invoice
    where is_live and customer_id <> '(none)'
)

select
    customer_id,
    month_on,
    currency,
    sum(tax) as tax_difference
from sides
group by all
having count(*) = count(tax) and sum(tax) <> 0
