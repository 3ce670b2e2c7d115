-- One row per invoice and tax code: the sales book. Void invoices are listed with 0.
-- key: invoice_id, tax_code
-- partition: invoice_id
-- published: view
-- section: ITBMS
-- order: document_on, invoice_code, invoice_id, tax_code
-- period: month_on
-- total: net, tax, total
-- question: Which invoices make up the sales of a month, with base and tax?
-- query: select document_on, invoice_code, customer_name, tax_id, net, tax, total
--   from reporting.itbms_sales_book order by document_on desc, invoice_code limit 20
with

taxes as (
    select * from core.fct_invoice_tax
),

invoices as (
    select * from core.fct_invoice
),

customers as (
    select * from core.dim_customer
),

booked as (
    select
        taxes.invoice_id,
        invoices.customer_id,

        invoices.invoice_code,
        customers.customer_name,
        customers.tax_id,
        invoices.invoice_status,
        taxes.tax_code,
        taxes.box,
        invoices.currency,

        invoices.is_void,
        invoices.is_credit_note,

        invoices.document_on,
        month_of(invoices.tax_on) as month_on,

        taxes.tax_rate,
        taxes.net,
        taxes.tax,
        taxes.total
    from taxes
    inner join invoices on taxes.invoice_id = invoices.invoice_id
    left join customers on invoices.customer_id = customers.customer_id
)

select * from booked
