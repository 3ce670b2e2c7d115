-- One row per line of a live invoice or order: sold, demanded or on order.
-- key: direction, document_id, line_number
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
-- published: view
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
        sales_order_id as document_id,
        line_number,
        product_id,
        currency,
        is_open,
        document_on,
        quantity,
        unit_price,
        line_net
    from core.fct_sales_order_line
    where is_live
),

on_order as (
    select
        'on order' as direction,
        purchase_order_id as document_id,
        line_number,
        product_id,
        currency,
        is_open,
        document_on,
        quantity,
        unit_price,
        line_net
    from core.fct_purchase_order_line
    where is_live
),

activity as (
    select * from sold
    union all
    select * from demanded
    union all
    select * from on_order
)

select * from activity
