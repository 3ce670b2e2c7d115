-- One row per customer, product, month and currency: quantity, net and discount sold.
-- key: customer_id, product_id, month_on, currency
-- partition: customer_id
-- published: view
-- section: Sales
-- period: month_on
-- total: discount, net
-- question: Who bought what, and when?
-- query: select customer_id, product_id, sum(quantity) as quantity, sum(net) as net
--   from reporting.sales_cube
--   group by customer_id, product_id order by net desc limit 10
with

sales as (
    select * from core.fct_sales_month
)

select
    customer_id,
    product_id,
    currency,

    month_on,

    quantity,
    discount,
    net
from sales
