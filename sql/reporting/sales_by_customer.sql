-- One row per customer, month and currency: documents and net of live invoices.
-- key: customer_id, month_on, currency
-- partition: customer_id
-- section: Sales
-- order: month_on desc, net desc, customer_id, currency
-- period: month_on
-- total: net
-- question: Who buys how much, and how large is an average invoice?
-- query: select customer_name, sum(net) as net, sum(documents) as documents
--   from reporting.sales_by_customer group by customer_name order by net desc limit 10
with

invoices as (
    select
        *,
        month_of(document_on) as month_on
    from core.fct_invoice
    where is_live
),

quantities as (
    select
        customer_id,
        month_of(document_on) as month_on,
        currency,
        sum(quantity) as quantity
    from core.fct_invoice_line
    where is_live
    group by all
),

customers as (
    select * from core.dim_customer
),

sums as (
    select
        customer_id,
        month_on,
        currency,
        count(*) as documents,
        sum(invoice_subtotal) as net
    from invoices
    group by customer_id, month_on, currency
),

named as (
    select
        sums.customer_id,

        customers.customer_code,
        customers.customer_name,
        sums.currency,

        sums.month_on,

        sums.documents,

        as_measure(coalesce(quantities.quantity, 0)) as quantity,
        as_money(sums.net / sums.documents) as average_order,
        as_money(sums.net) as net
    from sums
    left join quantities
        on
            sums.customer_id = quantities.customer_id
            and sums.month_on = quantities.month_on
            and sums.currency = quantities.currency
    left join customers on sums.customer_id = customers.customer_id
)

select * from named
