-- What an invoice is now is the last version in its history.
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
        is_live,
        is_open,
        1 as copies
    from core.fct_invoice
    union all by name
    select
        invoice_id,
        invoice_subtotal,
        invoice_tax,
        invoice_total,
        amount_paid,
        balance,
        is_live,
        is_open,
        -1 as copies
    from core.fct_invoice_history
    where valid_to is null
)

-- The amounts are part of the key, so that a missing one is compared too.
select
    invoice_id,
    invoice_subtotal,
    invoice_tax,
    invoice_total,
    amount_paid,
    balance,
    is_live,
    is_open,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
