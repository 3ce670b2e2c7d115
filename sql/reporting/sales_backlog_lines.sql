-- One row per line of an open sales order, whole: which part is delivered is not known.
-- key: sales_order_id, line_number
-- partition: sales_order_id
-- section: Orders
-- order: required_on nulls last, sales_order_id, line_number
-- total: amount
-- question: Which products do we still owe to customers?
-- query: select product_name, sum(quantity) as quantity, sum(amount) as amount
--   from reporting.sales_backlog_lines group by product_name order by amount desc
with

orders as (
    select * from reporting.sales_backlog
),

headers as (
    select
        sales_order_id as document_id,
        amount as net
    from orders
),

lines as (
    select
        *,
        sales_order_id as document_id
    from core.fct_sales_order_line
    where is_open
),

-- The header's excess over its lines is in every sum, under no product.
all_lines as (
    select
        document_id,
        line_number,
        product_id,
        line_description,
        quantity,
        unit_price,
        line_net
    from lines
    union all by name
    select
        *,
        '(none)' as product_id
    from beyond_lines(headers, lines)
),

products as (
    select * from core.dim_product
),

named as (
    select
        orders.sales_order_id,
        all_lines.line_number,
        orders.customer_id,
        all_lines.product_id,

        orders.sales_order_code,
        orders.customer_name,
        products.product_code,
        coalesce(products.product_name, unknown_name(all_lines.product_id))
            as product_name,
        all_lines.line_description,
        orders.currency,
        orders.age_bucket,

        orders.is_partly_done,

        orders.document_on,
        orders.required_on,

        orders.days_late,

        all_lines.quantity,
        all_lines.unit_price,
        as_money(all_lines.line_net) as amount
    from all_lines
    inner join orders on all_lines.document_id = orders.sales_order_id
    left join products on all_lines.product_id = products.product_id
)

select * from named
