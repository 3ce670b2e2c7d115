-- One row per live purchase order and product with a quantity above 0: its price.
-- key: purchase_order_id, product_id
-- partition: product_id
-- period: document_on
-- question: At which price was a product last ordered?
-- query: select product_id, currency, arg_max(unit_price, document_on) as last_price
--   from core.fct_purchase_price
--   where unit_price is not null group by product_id, currency
with

lines as (
    select * from core.fct_purchase_order_line
    where is_live and quantity > 0 and product_id <> '(none)'
),

sums as (
    select
        purchase_order_id,
        vendor_id,
        product_id,
        currency,
        document_on,
        sum(quantity) as quantity,
        sum(line_net) as net
    from lines
    group by all
),

-- Free goods, and orders without a price yet, have no price.
priced as (
    select
        *,
        case when net > 0 then as_measure(net / quantity) end as unit_price
    from sums
),

medians as (
    select
        product_id,
        currency,
        as_measure(median(unit_price::decimal(19, 7))) as median_price
    from priced
    group by product_id, currency
),

-- On one day, longer ids are later, as numbers are.
compared as (
    select
        *,
        lag(unit_price ignore nulls) over (
            partition by product_id, vendor_id, currency
            order by document_on, length(purchase_order_id), purchase_order_id
        ) as price_before
    from priced
)

select
    compared.purchase_order_id,
    compared.vendor_id,
    compared.product_id,

    compared.currency,

    compared.document_on,

    as_measure(compared.quantity) as quantity,
    compared.unit_price,
    compared.price_before,
    medians.median_price,
    as_money(compared.net) as net
from compared
left join medians
    on
        compared.product_id = medians.product_id
        and compared.currency = medians.currency
