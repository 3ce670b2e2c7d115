-- One row per purchase order in P4 Books, including cancelled ones.
-- key: purchase_order_id
-- partition: purchase_order_id, order_id, sales_order_id
-- period: document_on
-- question: What did we order that has not arrived?
-- query: select currency, count(*) as orders, sum(purchase_order_subtotal) as net
--   from core.fct_purchase_order where is_open group by currency
with

orders as (
    select * from core.orders
    where order_type = 'purchase order'
)

select
    order_id as purchase_order_id,
    party_id as vendor_id,
    warehouse_id,

    order_code as purchase_order_code,
    currency,
    order_status as purchase_order_status,

    is_live,
    is_open,
    is_partly_done,

    document_on,
    promised_on as expected_on,
    first_seen_at,
    last_changed_at,

    days_late,

    subtotal as purchase_order_subtotal,
    tax as purchase_order_tax,
    total as purchase_order_total
from orders
