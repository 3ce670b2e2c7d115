-- One row per invoice, live or void, and tax code: base and tax charged; 0 if void.
-- key: invoice_id, tax_code
-- partition: invoice_id
-- question: Which tax codes are on an invoice, with which base and tax?
-- query: select tax_code, tax_rate, net, tax from core.fct_invoice_tax
--   where invoice_id = '1' order by tax_code
with

invoices as (
    select * from core.fct_invoice
    where is_live or is_void
),

lines as (
    select * from core.fct_invoice_line
),

tax_boxes as (
    select * from core.tax_boxes
),

forms as (
    select * from staging.itbms_boxes
),

by_code as (
    select * from tax_by_code(lines, invoices)
),

booked as (
    select
        invoices.invoice_id,

        coalesce(by_code.tax_code, '(none)') as tax_code,

        invoices.is_credit_note,

        invoices.document_on,

        by_code.tax_rate,
        if(invoices.is_void or by_code.invoice_id is null, 0, by_code.net) as net,
        if(invoices.is_void or by_code.invoice_id is null, 0, by_code.tax) as tax,
        by_code.line_count
    from invoices
    left join by_code on invoices.invoice_id = by_code.invoice_id
),

boxed as (
    select * from boxes_of(booked, tax_boxes, forms)
)

select
    invoice_id,
    tax_code,
    box,
    tax_rate,
    as_money(net) as net,
    as_money(tax) as tax,
    as_money(net + tax) as total
from boxed
