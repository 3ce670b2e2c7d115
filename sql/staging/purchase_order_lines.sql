-- One row per line of a purchase order in P4 Books now.
-- key: purchase_order_id, line_number
-- partition: purchase_order_id, id
-- question: What is on the lines of a purchase order?
-- query: select line_number, line_description, quantity, unit_price, line_net
--   from staging.purchase_order_lines where purchase_order_id = '1'
--   order by line_number
with

documents as (
    select
        id_text(id) as document_id,
        lines
    from raw.purchase_orders
    where _dlt_valid_to is null
)

select
    document_id as purchase_order_id,
    * exclude (document_id)
from lines_of(documents)
