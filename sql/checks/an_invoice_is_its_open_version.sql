-- What an invoice is now is the last that its history says.
with

versions as (
    select * from core.fct_invoice_history
    where valid_to is null
),

odd as (
    select
        coalesce(facts.invoice_id, versions.invoice_id) as invoice_id,
        facts.balance,
        versions.balance as source_balance
    from core.fct_invoice as facts
    full join versions on facts.invoice_id = versions.invoice_id
    where
        facts.invoice_id is null
        or versions.invoice_id is null
        or facts.invoice_subtotal <> versions.invoice_subtotal
        or facts.invoice_tax <> versions.invoice_tax
        or facts.invoice_total <> versions.invoice_total
        or facts.amount_paid <> versions.amount_paid
        or facts.balance <> versions.balance
        or facts.is_live <> versions.is_live
        or facts.is_open <> versions.is_open
)

select * from odd
