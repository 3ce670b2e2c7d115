-- One row per sales order in P4 Books, including cancelled ones.
-- key: sales_order_id
-- partition: sales_order_id, order_id, purchase_order_id
-- period: document_on
-- question: What did customers order that is not delivered yet?
-- query: select currency, count(*) as orders, sum(sales_order_subtotal) as net
--   from core.fct_sales_order where is_open group by currency
with

orders as (
    select * from core.orders
    where order_type = 'sales order'
)

select
    order_id as sales_order_id,
    party_id as customer_id,
    warehouse_id,

    order_code as sales_order_code,
    currency,
    order_status as sales_order_status,

    is_live,
    is_open,
    is_partly_done,

    document_on,
    promised_on as required_on,
    first_seen_at,
    last_changed_at,

    days_late,

    subtotal as sales_order_subtotal,
    tax as sales_order_tax,
    total as sales_order_total
from orders
