-- One row per product, customer, month and currency: price against list and cost.
-- key: product_id, customer_id, month_on, currency
-- partition: customer_id
-- published: view
-- section: Sales
-- order: month_on desc, net desc, product_id, customer_id, currency
-- period: month_on
-- total: discount, net
-- question: Where do we sell below list, or below cost?
-- query: select product_name, customer_name, month_on, list_price, average_price
--   from reporting.price_realisation where is_below_cost order by month_on desc
with

sales as (
    select * from core.fct_sales_month
),

named as (
    select
        sales.product_id,
        sales.customer_id,

        products.product_code,
        products.product_name,
        customers.customer_name,
        sales.currency,

        sales.is_below_list,
        sales.is_below_cost,

        sales.month_on,

        sales.quantity,
        sales.list_price,
        as_measure(sales.net / nullif(sales.quantity, 0)) as average_price,
        sales.unit_cost,
        sales.discount_share,
        sales.discount,
        sales.net
    from sales
    left join core.dim_product as products
        on sales.product_id = products.product_id
    left join core.dim_customer as customers
        on sales.customer_id = customers.customer_id
)

select * from named
