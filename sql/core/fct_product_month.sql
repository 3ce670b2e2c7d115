-- One row per product, month and currency: what was sold, and its estimated cost.
-- key: product_id, month_on, currency
-- partition: product_id
-- period: month_on
-- question: In how many invoices was a product sold each month?
-- query: select product_id, month_on, documents, quantity, net
--   from core.fct_product_month order by month_on desc, net desc limit 10
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
    from core.fct_purchase_price
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
        count(distinct invoice_id) as documents,
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
        product_id,

        currency,
        case certainty
            when 2 then 'product cost'
            when 1 then 'last purchase price'
            else 'unknown'
        end as cost_basis,

        month_on,

        documents,

        as_measure(quantity) as quantity,
        as_measure(net / nullif(quantity, 0)) as average_price,
        as_money(net) as net,
        as_money(if(certainty > 0, cost_estimated, null)) as cost_estimated,
        as_money(if(certainty > 0, net - cost_estimated, null)) as margin,
        if(
            certainty > 0 and net > 0, signed_share((net - cost_estimated) / net), null
        ) as margin_share
    from sums
)

select * from finished
