-- One row per box of Form 430, month, currency and invoice: what is behind the return.
-- key: month_on, box, invoice_id
-- partition: invoice_id
-- published: view
-- section: ITBMS
-- order: month_on desc, currency, box, document_on, invoice_id
-- period: month_on
-- total: base, tax
-- question: Which invoices are in a box of the ITBMS return?
-- query: select box, document_on, invoice_code, customer_name, base, tax
--   from reporting.itbms_return_items order by month_on desc, box, document_on limit 20
with

-- What is zero, as of void invoices, is in no box.
taxes as (
    select * from core.fct_invoice_tax
    where net is distinct from 0 or tax is distinct from 0
),

invoices as (
    select * from core.fct_invoice
),

customers as (
    select * from core.dim_customer
),

amounts as (
    select
        invoice_id,
        box,
        if(count(*) = count(net), as_money(sum(net)), null) as base,
        if(count(*) = count(tax), as_money(sum(tax)), null) as tax
    from taxes
    group by invoice_id, box
),

boxed as (
    select
        amounts.invoice_id,
        invoices.customer_id,

        amounts.box,
        invoices.invoice_code,
        customers.customer_name,
        invoices.currency,

        invoices.is_credit_note,

        month_of(invoices.tax_on) as month_on,
        invoices.document_on,

        amounts.base,
        amounts.tax
    from amounts
    inner join invoices on amounts.invoice_id = invoices.invoice_id
    left join customers on invoices.customer_id = customers.customer_id
)

select * from boxed
