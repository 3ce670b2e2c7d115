-- One row per live purchase order and product with a quantity above 0: its price.
-- key: purchase_order_id, product_id
-- published: no
with

lines as (
    select * from core.fct_purchase_order_line
    where is_live and quantity > 0 and product_id <> '(none)'
)

select
    purchase_order_id,
    vendor_id,
    product_id,

    currency,

    document_on,

    sum(quantity) as quantity,
    -- free goods, and orders without a price yet, have none
    case when sum(line_net) > 0 then as_measure(sum(line_net) / sum(quantity)) end
        as unit_price,
    sum(line_net) as net
from lines
group by all
