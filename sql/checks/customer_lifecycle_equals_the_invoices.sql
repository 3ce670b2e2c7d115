-- Number of invoices, per customer and month.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        month_on,
        invoices
    from reporting.customer_lifecycle
    union all by name
    select
        invoices.customer_id,
        date_trunc('month', invoices.document_on)::date as month_on,
        -1 as invoices
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where
        invoices.is_live
        and not invoices.is_credit_note
        and invoices.customer_id <> '(none)'
        and invoices.document_on between '1990-01-01' and as_of.as_of_on
)

select
    customer_id,
    month_on,
    sum(invoices) as invoices_difference
from sides
group by all
having sum(invoices) <> 0
