-- One row per product, vendor and order with a price: the price ordered, not billed.
-- key: purchase_order_id, product_id
-- partition: product_id
-- section: Orders
-- order: document_on desc, purchase_order_id, product_id
-- question: Which purchase prices went up, and which are above what others charge?
-- query: select document_on, product_name, vendor_name, unit_price, price_before
--   from reporting.purchase_price_history where price_change > 0
--   order by document_on desc limit 20
with

bought as (
    select * from core.purchase_prices
    where net > 0
),

medians as (
    select
        product_id,
        currency,
        as_measure(median(unit_price::decimal(19, 7))) as median_price
    from bought
    group by product_id, currency
),

-- On one day, longer ids are later, as numbers are.
compared as (
    select
        *,
        lag(unit_price) over (
            partition by product_id, vendor_id, currency
            order by document_on, length(purchase_order_id), purchase_order_id
        ) as price_before
    from bought
),

products as (
    select * from core.dim_product
),

vendors as (
    select * from core.dim_vendor
),

named as (
    select
        compared.product_id,
        compared.vendor_id,
        compared.purchase_order_id,

        products.product_code,
        products.product_name,
        vendors.vendor_name,
        compared.currency,

        compared.document_on,

        as_measure(compared.quantity) as quantity,
        compared.unit_price,
        compared.price_before,
        as_share(compared.unit_price / nullif(compared.price_before, 0) - 1)
            as price_change,
        medians.median_price,
        as_share(compared.unit_price / nullif(medians.median_price, 0) - 1)
            as price_against_median,
        as_money(compared.net) as net
    from compared
    left join medians
        on
            compared.product_id = medians.product_id
            and compared.currency = medians.currency
    left join products on compared.product_id = products.product_id
    left join vendors on compared.vendor_id = vendors.vendor_id
)

select * from named
