-- One row per product, month and currency: quantity and net of live invoices.
-- key: product_id, month_on, currency
-- partition: product_id
-- published: view
-- section: Sales
-- order: month_on desc, net desc, product_id, currency
-- period: month_on
-- total: net
-- question: What sells, at which average price?
-- query: select product_name, sum(quantity) as quantity, sum(net) as net
--   from reporting.sales_by_product group by product_name order by net desc limit 10
with

sales as (
    select * from core.fct_product_month
),

products as (
    select * from core.dim_product
),

named as (
    select
        sales.product_id,

        products.product_code,
        products.product_name,
        sales.currency,

        sales.month_on,

        sales.documents,

        sales.quantity,
        sales.average_price,
        sales.net
    from sales
    left join products on sales.product_id = products.product_id
)

select * from named
