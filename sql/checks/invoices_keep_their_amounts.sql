-- What P4 Books says of an invoice stands; only what is missing is reckoned.
with

compared as (
    select
        invoices.invoice_id,
        facts.invoice_id is null as is_lost,
        invoices.invoice_subtotal <> facts.invoice_subtotal as is_other_subtotal,
        invoices.invoice_tax <> facts.invoice_tax as is_other_tax,
        invoices.invoice_total <> facts.invoice_total as is_other_total,
        invoices.balance <> facts.balance as is_other_balance
    from staging.invoices as invoices
    full join core.fct_invoice as facts on invoices.invoice_id = facts.invoice_id
),

odd as (
    select * from compared
    where
        invoice_id is null or is_lost or is_other_subtotal or is_other_tax
        or is_other_total or is_other_balance
)

select * from odd
