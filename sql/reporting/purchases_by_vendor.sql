-- One row per vendor, month and currency: what was ordered; bills are not known.
-- key: vendor_id, month_on, currency
-- partition: vendor_id
-- section: Orders
-- order: month_on desc, net desc, vendor_id, currency
-- period: month_on
-- total: net
-- question: From whom do we buy how much?
-- query: select vendor_name, currency, sum(net) as net, sum(orders) as orders
--   from reporting.purchases_by_vendor
--   group by vendor_name, currency order by net desc limit 10
with

orders as (
    select
        vendor_id,
        month_of(document_on) as month_on,
        currency,
        count(*) as orders,
        sum(purchase_order_subtotal) as net
    from core.fct_purchase_order
    where is_live
    group by all
),

quantities as (
    select
        vendor_id,
        month_of(document_on) as month_on,
        currency,
        sum(quantity) as quantity
    from core.fct_purchase_order_line
    where is_live
    group by all
),

vendors as (
    select * from core.dim_vendor
),

named as (
    select
        orders.vendor_id,

        vendors.vendor_code,
        vendors.vendor_name,
        orders.currency,

        orders.month_on,

        orders.orders,

        as_measure(coalesce(quantities.quantity, 0)) as quantity,
        as_measure(orders.net / nullif(quantities.quantity, 0)) as average_price,
        as_money(orders.net) as net
    from orders
    left join quantities
        on
            orders.vendor_id = quantities.vendor_id
            and orders.month_on = quantities.month_on
            and orders.currency = quantities.currency
    left join vendors on orders.vendor_id = vendors.vendor_id
)

select * from named
