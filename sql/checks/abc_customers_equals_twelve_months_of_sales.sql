-- The twelve months that end on the as-of day.
with

sides as (
    select
        customer_id,
        currency,
        net
    from reporting.abc_customers
    union all by name
    select
        invoices.customer_id,
        invoices.currency,
        -invoices.invoice_subtotal as net
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where
        invoices.is_live
        and invoices.document_on > as_of.as_of_on - interval 12 months
        and invoices.document_on <= as_of.as_of_on
)

select
    customer_id,
    currency,
    sum(net) as net_difference
from sides
group by all
having count(*) = count(net) and sum(net) <> 0
