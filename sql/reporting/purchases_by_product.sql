-- One row per product, month and currency: what was ordered; bills are not known.
-- key: product_id, month_on, currency
-- section: Orders
-- order: month_on desc, net desc, product_id, currency
-- period: month_on
-- total: net
-- question: What do we buy, at which average price?
-- query: select product_name, currency, sum(quantity) as quantity, sum(net) as net
--   from reporting.purchases_by_product
--   group by product_name, currency order by net desc limit 10
with

orders as (
    select * from core.fct_purchase_order
    where is_live
),

headers as (
    select
        purchase_order_id as document_id,
        purchase_order_subtotal as net
    from orders
),

lines as (
    select
        *,
        purchase_order_id as document_id
    from core.fct_purchase_order_line
    where is_live
),

-- The header's excess over its lines is in every sum, under no product.
beyond as (
    select * from beyond_lines(headers, lines)
),

all_lines as (
    select
        product_id,
        currency,
        document_on,
        document_id,
        quantity,
        line_net
    from lines
    union all by name
    select
        '(none)' as product_id,
        orders.currency,
        orders.document_on,
        beyond.document_id,
        beyond.line_net
    from beyond
    inner join orders on beyond.document_id = orders.purchase_order_id
),

sums as (
    select
        product_id,
        month_of(document_on) as month_on,
        currency,
        count(distinct document_id) as orders,
        coalesce(sum(quantity), 0) as quantity,
        sum(line_net) as net
    from all_lines
    group by all
),

products as (
    select * from core.dim_product
),

named as (
    select
        sums.product_id,

        products.product_code,
        coalesce(products.product_name, unknown_name(sums.product_id)) as product_name,
        sums.currency,

        sums.month_on,

        sums.orders,

        as_measure(sums.quantity) as quantity,
        as_measure(sums.net / nullif(sums.quantity, 0)) as average_price,
        as_money(sums.net) as net
    from sums
    left join products on sums.product_id = products.product_id
)

select * from named
