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

by_code as (
    select
        invoice_id,
        tax_code,
        any_value(tax_rate) as tax_rate,
        if(count(*) = count(line_net), sum(line_net), null) as net,
        if(count(*) = count(line_tax), sum(line_tax), null) as tax
    from lines
    group by invoice_id, tax_code
),

booked as (
    select
        invoices.invoice_id,

        coalesce(by_code.tax_code, '(none)') as tax_code,

        by_code.tax_rate,
        if(invoices.is_void or by_code.invoice_id is null, 0, by_code.net) as net,
        if(invoices.is_void or by_code.invoice_id is null, 0, by_code.tax)
            as tax_by_rate,
        if(invoices.is_void, 0, invoices.invoice_tax) as tax_charged
    from invoices
    left join by_code on invoices.invoice_id = by_code.invoice_id
),

-- Its difference from the tax of the lines, usually a cent of rounding, is added to the
-- code with the most tax.
differences as (
    select
        invoice_id,
        any_value(tax_charged) - sum(tax_by_rate) as difference
    from booked
    group by invoice_id
    having any_value(tax_charged) <> sum(tax_by_rate)
),

corrections as (
    select
        booked.invoice_id,
        booked.tax_code,
        differences.difference
    from booked
    inner join differences on booked.invoice_id = differences.invoice_id
    qualify
        row_number() over (
            partition by booked.invoice_id
            order by abs(booked.tax_by_rate) desc, booked.tax_code asc
        ) = 1
),

charged as (
    select
        booked.*,
        booked.tax_by_rate + coalesce(corrections.difference, 0) as tax
    from booked
    left join corrections
        on
            booked.invoice_id = corrections.invoice_id
            and booked.tax_code = corrections.tax_code
)

select
    invoice_id,
    tax_code,
    tax_rate,
    as_money(net) as net,
    as_money(tax) as tax,
    as_money(net + tax) as total
from charged
