-- Net of live invoices that name a customer, and the customers that ever bought.
with

first_invoices as (
    select
        invoices.customer_id,
        invoices.currency,
        date_trunc('month', min(invoices.document_on))::date as first_month_on
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where
        invoices.is_live
        and not invoices.is_credit_note
        and invoices.customer_id <> '(none)'
        and invoices.document_on between '1990-01-01' and as_of.as_of_on
    group by invoices.customer_id, invoices.currency
),

sides as (
    select
        currency,
        null as first_month_on,
        net,
        0 as customers
    from reporting.cohort_retention
    union all by name
    select
        currency,
        null as first_month_on,
        -invoice_subtotal as net,
        0 as customers
    from core.fct_invoice
    where is_live and customer_id <> '(none)'
    union all by name
    select
        currency,
        first_month_on,
        0 as net,
        customers
    from reporting.cohort_retention
    where months_since = 0
    union all by name
    select
        currency,
        first_month_on,
        0 as net,
        -1 as customers
    from first_invoices
)

select
    currency,
    first_month_on,
    sum(net) as net_difference,
    sum(customers) as customers_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or sum(customers) <> 0
