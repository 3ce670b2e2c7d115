-- One row per invoice: the sales book with base and tax of each rate side by side.
-- key: invoice_id
-- partition: invoice_id
-- published: view
-- section: ITBMS
-- order: document_on, invoice_code, invoice_id
-- period: month_on
-- total: base_0, tax_0, base_7, tax_7, base_10, tax_10, base_15, tax_15, base_other,
--   tax_other, net, tax, total
-- question: What are base and tax of each invoice, by rate?
-- query: select document_on, invoice_code, customer_name, base_0, base_7, tax_7, total
--   from reporting.itbms_sales_book_wide order by document_on desc limit 20
with

booked as (
    select * from reporting.itbms_sales_book
),

-- The rates that have columns of their own; any other one, and none, is null.
rated as (
    select
        *,
        case when tax_rate in (0, 0.07, 0.10, 0.15) then tax_rate end as own_rate
    from booked
),

by_invoice as (
    select
        invoice_id,
        customer_id,

        invoice_code,
        customer_name,
        tax_id,
        invoice_status,
        currency,

        is_void,
        is_credit_note,

        document_on,
        month_on,

        sum_if(net, coalesce(own_rate = 0, false)) as base_0,
        sum_if(tax, coalesce(own_rate = 0, false)) as tax_0,
        sum_if(net, coalesce(own_rate = 0.07, false)) as base_7,
        sum_if(tax, coalesce(own_rate = 0.07, false)) as tax_7,
        sum_if(net, coalesce(own_rate = 0.10, false)) as base_10,
        sum_if(tax, coalesce(own_rate = 0.10, false)) as tax_10,
        sum_if(net, coalesce(own_rate = 0.15, false)) as base_15,
        sum_if(tax, coalesce(own_rate = 0.15, false)) as tax_15,
        sum_if(net, own_rate is null) as base_other,
        sum_if(tax, own_rate is null) as tax_other,
        sum_if(net, true) as net,
        sum_if(tax, true) as tax,
        sum_if(total, true) as total
    from rated
    group by all
)

select * from by_invoice
