-- Number, quantity and net of the lines of live documents, per direction and product.
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
with

sides as (
    select
        direction,
        product_id,
        1 as line_count,
        coalesce(quantity, 0) as quantity,
        line_net as net
    from core.fct_item_activity
    union all by name
    select
        'sold' as direction,
        product_id,
        -1 as line_count,
        -coalesce(quantity, 0) as quantity,
        -line_net as net
    from core.fct_invoice_line
    where is_live
    union all by name
    select
        'demanded' as direction,
        product_id,
        -1 as line_count,
        -coalesce(quantity, 0) as quantity,
        -line_net as net
    from core.fct_sales_order_line
    where is_live
    union all by name
    select
        'on order' as direction,
        product_id,
        -1 as line_count,
        -coalesce(quantity, 0) as quantity,
        -line_net as net
    from core.fct_purchase_order_line
    where is_live
)

select
    direction,
    product_id,
    sum(line_count) as line_count_difference,
    sum(quantity) as quantity_difference,
    sum(net) as net_difference
from sides
group by all
having sum(line_count) <> 0 or sum(quantity) <> 0 or sum(net) <> 0
