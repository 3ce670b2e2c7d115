-- One row per product, month and currency: net sales, estimated cost and margin.
-- key: product_id, month_on, currency
-- partition: product_id
-- published: view
-- section: Sales
-- order: month_on desc, margin desc nulls last, product_id, currency
-- period: month_on
-- total: net
-- question: How much margin does a product earn?
-- query: select product_name, sum(net) as net, sum(margin) as margin
--   from reporting.product_margin where cost_basis <> 'unknown'
--   group by product_name order by margin desc limit 10
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
        sales.cost_basis,

        sales.month_on,

        sales.quantity,
        sales.net,
        sales.cost_estimated,
        sales.margin,
        sales.margin_share
    from sales
    left join products on sales.product_id = products.product_id
)

select * from named
