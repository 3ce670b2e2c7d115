-- One row per product, month and currency: net sales, estimated cost and margin.
-- key: product_id, month_on, currency
-- partition: product_id
-- section: Sales
-- order: month_on desc, margin desc nulls last, product_id, currency
-- question: How much margin does a product earn?
-- query: select product_name, sum(net) as net, sum(margin) as margin
--   from reporting.product_margin where cost_basis <> 'unknown'
--   group by product_name order by margin desc limit 10
with

lines as (
    select * from core.fct_invoice_line
    where is_live
),

bought as (
    select
        product_id,
        currency,
        document_on,
        sum(net) / sum(quantity) as purchase_price
    from core.purchase_prices
    group by product_id, currency, document_on
    -- free goods, and orders without a price yet, say nothing about cost
    having sum(net) > 0
),

-- If a product has no cost, the last purchase price is used instead; it is looked up
-- once for all lines of a day.
days_without_cost as (
    select
        product_id,
        currency,
        document_on
    from lines
    where coalesce(unit_cost, 0) = 0
    group by product_id, currency, document_on
),

last_bought as (
    select
        days_without_cost.*,
        as_measure(bought.purchase_price) as purchase_price
    from days_without_cost
    asof inner join bought
        on
            days_without_cost.product_id = bought.product_id
            and days_without_cost.currency = bought.currency
            and days_without_cost.document_on >= bought.document_on
),

priced as (
    select
        lines.*,
        full_as_money(
            in_full(
                lines.quantity,
                coalesce(nullif(lines.unit_cost, 0), last_bought.purchase_price)
            )
        ) as line_cost
    from lines
    left join last_bought
        on
            lines.product_id = last_bought.product_id
            and lines.currency = last_bought.currency
            and lines.document_on = last_bought.document_on
),

sums as (
    select
        product_id,
        month_of(document_on) as month_on,
        currency,
        min(
            case
                when line_cost is null then 0
                when coalesce(unit_cost, 0) = 0 then 1
                else 2
            end
        ) as certainty,
        coalesce(sum(quantity), 0) as quantity,
        sum(line_net) as net,
        sum(line_cost) as cost_estimated
    from priced
    group by all
),

finished as (
    -- The basis is that of the least certain line; unknown if any line is.
    select
        sums.product_id,

        products.product_code,
        products.product_name,
        sums.currency,
        case sums.certainty
            when 2 then 'product cost'
            when 1 then 'last purchase price'
            else 'unknown'
        end as cost_basis,

        sums.month_on,

        as_measure(sums.quantity) as quantity,
        as_money(sums.net) as net,
        as_money(if(sums.certainty > 0, sums.cost_estimated, null)) as cost_estimated,
        as_money(if(sums.certainty > 0, sums.net - sums.cost_estimated, null))
            as margin,
        if(
            sums.certainty > 0 and sums.net > 0,
            signed_share((sums.net - sums.cost_estimated) / sums.net),
            null
        ) as margin_share
    from sums
    left join core.dim_product as products
        on sums.product_id = products.product_id
)

select * from finished
