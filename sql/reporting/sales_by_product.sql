-- One row per product, month and currency: quantity and net of live invoices.
-- key: product_id, month_on, currency
-- partition: product_id
-- section: Sales
-- order: month_on desc, net desc, product_id, currency
-- question: What sells, at which average price?
-- query: select product_name, sum(quantity) as quantity, sum(net) as net
--   from reporting.sales_by_product group by product_name order by net desc limit 10
with

lines as (
    select * from core.fct_invoice_line
    where is_live
),

products as (
    select * from core.dim_product
),

sums as (
    select
        product_id,
        month_of(document_on) as month_on,
        currency,
        count(distinct invoice_id) as documents,
        coalesce(sum(quantity), 0) as quantity,
        sum(line_net) as net
    from lines
    group by all
),

named as (
    select
        sums.product_id,

        products.product_code,
        products.product_name,
        sums.currency,

        sums.month_on,

        sums.documents,

        as_measure(sums.quantity) as quantity,
        as_measure(sums.net / nullif(sums.quantity, 0)) as average_price,
        as_money(sums.net) as net
    from sums
    left join products on sums.product_id = products.product_id
)

select * from named
