-- One row per live invoice, and whether it shows that its customer bought.
-- key: invoice_id
-- published: no
with

invoices as (
    select * from core.fct_invoice
    where is_live
),

today as (
    select * from core.today
),

judged as (
    select
        invoices.invoice_id,
        invoices.customer_id,

        invoices.currency,

        is_dated_sale(
            invoices.is_credit_note, invoices.document_on, today.as_of_on
        ) as is_sale,

        invoices.document_on,
        month_of(invoices.document_on) as month_on,

        invoices.invoice_subtotal as net
    from invoices
    cross join today
)

select * from judged
