-- Net and number of live invoices, per customer and currency, ever and in 12 months.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        currency,
        net_lifetime,
        net_12_months,
        invoices_lifetime,
        invoices_12_months
    from reporting.customer_360
    union all by name
    select
        invoices.customer_id,
        invoices.currency,
        -invoices.invoice_subtotal as net_lifetime,
        if(
            invoices.document_on > as_of.as_of_on - interval 12 months
            and invoices.document_on <= as_of.as_of_on,
            -invoices.invoice_subtotal,
            0
        ) as net_12_months,
        if(
            not invoices.is_credit_note
            and invoices.document_on between '1990-01-01' and as_of.as_of_on,
            -1,
            0
        ) as invoices_lifetime,
        if(
            invoices.document_on > as_of.as_of_on - interval 12 months,
            invoices_lifetime,
            0
        ) as invoices_12_months
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where invoices.is_live
)

select
    customer_id,
    currency,
    sum(net_lifetime) as lifetime_difference,
    sum(net_12_months) as difference_in_12_months,
    sum(invoices_lifetime) as invoices_difference,
    sum(invoices_12_months) as invoices_difference_in_12_months
from sides
group by all
having
    (count(*) = count(net_lifetime) and sum(net_lifetime) <> 0)
    or (count(*) = count(net_12_months) and sum(net_12_months) <> 0)
    or sum(invoices_lifetime) <> 0
    or sum(invoices_12_months) <> 0
