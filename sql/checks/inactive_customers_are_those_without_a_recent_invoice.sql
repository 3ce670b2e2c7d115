-- The same customers, with the day of their last invoice.
-- partition: customer_id
with

last_invoices as (
    select
        invoices.customer_id,
        max(invoices.document_on) as last_sold_on,
        max(invoices.document_on) >= any_value(as_of.as_of_on) - 90 as is_recent
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where
        invoices.is_live
        and not invoices.is_credit_note
        and invoices.document_on between '1990-01-01' and as_of.as_of_on
    group by invoices.customer_id
),

sides as (
    select
        customer_id,
        last_sold_on,
        1 as copies
    from reporting.inactive_customers
    union all
    select
        customers.customer_id,
        last_invoices.last_sold_on,
        -1 as copies
    from core.dim_customer as customers
    left join last_invoices on customers.customer_id = last_invoices.customer_id
    where
        customers.is_known
        and not customers.is_deleted
        and not coalesce(last_invoices.is_recent, false)
)

select
    customer_id,
    last_sold_on,
    sum(copies) as copies_difference
from sides
group by all
having sum(copies) <> 0
