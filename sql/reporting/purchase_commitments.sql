-- One row per open purchase order, whole: what has already arrived is not known.
-- key: purchase_order_id
-- partition: vendor_id
-- section: Orders
-- order: expected_on nulls last, purchase_order_id
-- total: amount
-- question: What did we order that has not fully arrived, and how late is it?
-- query: select vendor_name, purchase_order_code, expected_on, days_late, amount
--   from reporting.purchase_commitments order by days_late desc
with

orders as (
    select * from core.fct_purchase_order
    where is_open
),

vendors as (
    select * from core.dim_vendor
),

named as (
    select
        orders.purchase_order_id,
        orders.vendor_id,

        orders.purchase_order_code,
        vendors.vendor_code,
        vendors.vendor_name,
        orders.purchase_order_status,
        orders.currency,

        orders.is_partly_done,

        orders.document_on,
        orders.expected_on,

        orders.days_late,

        orders.purchase_order_total as amount
    from orders
    left join vendors on orders.vendor_id = vendors.vendor_id
)

select * from named
