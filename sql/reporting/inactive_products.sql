-- One row per product, not deleted, not sold in the last 90 days, or never.
-- key: product_id
-- partition: product_id
-- section: Customers
-- order: last_sold_on desc nulls last, product_id
-- question: Which products stopped selling?
-- query: select product_name, last_sold_on, days_since_sale, invoice_lines
--   from reporting.inactive_products
--   where is_active order by days_since_sale limit 20
with

today as (
    select * from core.today
),

products as (
    select * from core.dim_product
    where is_known and not is_deleted
),

-- A line with a negative quantity is a return.
sales as (
    select
        sold.product_id,
        max(sold.document_on) as last_sold_on,
        count(*) as invoice_lines
    from core.fct_invoice_line as sold
    cross join today
    where
        sold.is_live
        and is_dated_sale(sold.is_credit_note, sold.document_on, today.as_of_on)
        and coalesce(sold.quantity, sold.line_net) > 0
    group by sold.product_id
)

select
    products.product_id,

    products.product_code,
    products.product_name,

    products.is_active,

    products.first_seen_at,
    sales.last_sold_on,

    today.as_of_on - sales.last_sold_on as days_since_sale,
    coalesce(sales.invoice_lines, 0) as invoice_lines
from products
left join sales on products.product_id = sales.product_id
cross join today
where coalesce(sales.last_sold_on < today.as_of_on - 90, true)
