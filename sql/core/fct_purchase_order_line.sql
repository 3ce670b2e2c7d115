-- One row per line of a purchase order.
-- key: purchase_order_id, line_number
-- partition: purchase_order_id
-- published: view
-- period: document_on
-- question: Which products are on open purchase orders?
-- query: select product_id, sum(quantity) as quantity, sum(line_net) as net
--   from core.fct_purchase_order_line where is_open
--   group by product_id order by net desc
with

orders as (
    select * from core.fct_purchase_order
),

lines as (
    select * from staging.purchase_order_lines
),

joined as (
    select
        orders.purchase_order_id,
        lines.line_number,
        orders.vendor_id,
        coalesce(lines.product_id, '(none)') as product_id,

        orders.purchase_order_status,
        lines.line_description,
        orders.currency,

        orders.is_live,
        orders.is_open,

        orders.document_on,
        orders.expected_on,

        orders.days_late,

        lines.quantity,
        lines.unit_price,
        order_line_net(
            lines.line_net, lines.quantity, lines.unit_price, lines.discount
        ) as line_net
    from lines
    inner join orders on lines.purchase_order_id = orders.purchase_order_id
)

select * from joined
