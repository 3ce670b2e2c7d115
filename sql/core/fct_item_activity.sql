-- One row per line of a live invoice or order: sold, demanded or on order.
-- key: direction, document_id, line_number
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
-- published: view
-- period: document_on
-- question: How much of a product was sold, demanded and ordered?
-- query: select product_id, direction, sum(quantity) as quantity
--   from core.fct_item_activity group by product_id, direction
with

sold as (
    select
        'sold' as direction,
        invoice_id as document_id,
        line_number,
        product_id,
        currency,
        false as is_open,
        document_on,
        quantity,
        unit_price,
        line_net
    from core.fct_invoice_line
    where is_live
),

demanded as (
    select
        'demanded' as direction,
        order_lines.sales_order_id as document_id,
        order_lines.line_number,
        coalesce(order_lines.product_id, '(none)') as product_id,
        orders.currency,
        orders.is_open,
        orders.document_on,
        order_lines.quantity,
        order_lines.unit_price,
        order_line_net(
            order_lines.line_net,
            order_lines.quantity,
            order_lines.unit_price,
            order_lines.discount
        ) as line_net
    from staging.sales_order_lines as order_lines
    inner join core.fct_sales_order as orders
        on order_lines.sales_order_id = orders.sales_order_id
    where orders.is_live
),

on_order as (
    select
        'on order' as direction,
        order_lines.purchase_order_id as document_id,
        order_lines.line_number,
        coalesce(order_lines.product_id, '(none)') as product_id,
        orders.currency,
        orders.is_open,
        orders.document_on,
        order_lines.quantity,
        order_lines.unit_price,
        order_line_net(
            order_lines.line_net,
            order_lines.quantity,
            order_lines.unit_price,
            order_lines.discount
        ) as line_net
    from staging.purchase_order_lines as order_lines
    inner join core.fct_purchase_order as orders
        on order_lines.purchase_order_id = orders.purchase_order_id
    where orders.is_live
),

activity as (
    select * from sold
    union all
    select * from demanded
    union all
    select * from on_order
)

select * from activity
