-- One row per product, vendor and order with a price: the price ordered, not billed.
-- key: purchase_order_id, product_id
-- partition: product_id
-- published: view
-- section: Orders
-- order: document_on desc, purchase_order_id, product_id
-- period: document_on
-- total: net
-- question: Which purchase prices went up, and which are above what others charge?
-- query: select document_on, product_name, vendor_name, unit_price, price_before
--   from reporting.purchase_price_history where price_change > 0
--   order by document_on desc limit 20
with

prices as (
    select * from core.fct_purchase_price
    where net > 0
),

named as (
    select
        prices.product_id,
        prices.vendor_id,
        prices.purchase_order_id,

        products.product_code,
        products.product_name,
        vendors.vendor_name,
        prices.currency,

        prices.document_on,

        prices.quantity,
        prices.unit_price,
        prices.price_before,
        as_share(prices.unit_price / nullif(prices.price_before, 0) - 1)
            as price_change,
        prices.median_price,
        as_share(prices.unit_price / nullif(prices.median_price, 0) - 1)
            as price_against_median,
        prices.net
    from prices
    left join core.dim_product as products
        on prices.product_id = products.product_id
    left join core.dim_vendor as vendors on prices.vendor_id = vendors.vendor_id
)

select * from named
