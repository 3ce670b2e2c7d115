-- Quantity and net of live documents, by kind and currency.
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
with

sides as (
    select
        direction,
        currency,
        quantity,
        line_net
    from core.fct_item_activity
    union all
    select
        'sold' as direction,
        currency,
        -quantity as quantity,
        -line_net as line_net
    from core.fct_invoice_line
    where is_live
    union all
    select
        'demanded' as direction,
        currency,
        -quantity as quantity,
        -line_net as line_net
    from core.fct_sales_order_line
    where is_live
    union all
    select
        'on order' as direction,
        currency,
        -quantity as quantity,
        -line_net as line_net
    from core.fct_purchase_order_line
    where is_live
)

select
    direction,
    currency,
    sum(quantity) as quantity_difference,
    sum(line_net) as net_difference
from sides
group by all
having sum(quantity) <> 0 or sum(line_net) <> 0
