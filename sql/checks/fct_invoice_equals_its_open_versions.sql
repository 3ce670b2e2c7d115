-- What an invoice is now is the open version in its history.
-- partition: invoice_id
with

sides as (
    select
        invoice_id,
        invoice_subtotal,
        invoice_tax,
        invoice_total,
        amount_paid,
        balance,
        1 as copies
    from core.fct_invoice
    union all by name
    select
        invoice_id,
        -invoice_subtotal as invoice_subtotal,
        -invoice_tax as invoice_tax,
        -invoice_total as invoice_total,
        -amount_paid as amount_paid,
        -balance as balance,
        -1 as copies
    from core.fct_invoice_history
    where valid_to is null
)

select
    invoice_id,
    sum(copies) as copies,
    sum(invoice_subtotal) as invoice_subtotal_difference,
    sum(invoice_tax) as invoice_tax_difference,
    sum(invoice_total) as invoice_total_difference,
    sum(amount_paid) as amount_paid_difference,
    sum(balance) as balance_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(invoice_subtotal) and sum(invoice_subtotal) <> 0)
    or (count(*) = count(invoice_tax) and sum(invoice_tax) <> 0)
    or (count(*) = count(invoice_total) and sum(invoice_total) <> 0)
    or (count(*) = count(amount_paid) and sum(amount_paid) <> 0)
    or (count(*) = count(balance) and sum(balance) <> 0)
