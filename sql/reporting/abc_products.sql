-- One row per product and currency sold in 12 months: its share, and its class.
-- key: product_id, currency
-- order: currency, rank
-- question: Which products make most of our sales?
-- query: select rank, product_name, net, cumulative_share, abc_class
--   from reporting.abc_products where abc_class = 'A' order by currency, rank
with

as_of as (
    select * from core.as_of
),

sales as (
    select
        product_id as entity_id,
        currency,
        document_on,
        line_net as net
    from core.fct_invoice_line
    where is_live
),

names as (
    select * from core.dim_product
),

year_sums as (
    select
        sales.entity_id,
        sales.currency,
        sum(sales.net) as net
    from sales
    cross join as_of
    where
        sales.document_on > as_of.as_of_on - interval 12 months
        and sales.document_on <= as_of.as_of_on
    group by sales.entity_id, sales.currency
),

ranked as (
    select
        *,
        row_number() over by_net as rank,
        sum(net) over (by_net rows between unbounded preceding and current row)
            as net_upto,
        sum(net) over (partition by currency) as net_of_all
    from year_sums
    window by_net as (partition by currency order by net desc, entity_id asc)
),

shares as (
    select
        *,
        net / nullif(net_of_all, 0) as net_share,
        net_upto / nullif(net_of_all, 0) as share_upto
    from ranked
),

-- A makes up to 80 % of sales, B up to 95 %; who crosses a line is of the better class.
-- Amounts are compared, not shares: 0.95 - 0.15 is less than 0.8 in floating point.
classed as (
    select
        shares.entity_id as product_id,

        names.product_code,
        names.product_name,
        shares.currency,
        case
            when shares.net <= 0 then 'C'
            when (shares.net_upto - shares.net) * 100 < shares.net_of_all * 80 then 'A'
            when (shares.net_upto - shares.net) * 100 < shares.net_of_all * 95 then 'B'
            else 'C'
        end as abc_class,

        shares.rank,

        try_cast(shares.net_share as decimal(9, 6)) as net_share,
        try_cast(shares.share_upto as decimal(9, 6)) as cumulative_share,
        try_cast(shares.net as decimal(18, 2)) as net
    from shares
    left join names on shares.entity_id = names.product_id
)

select * from classed
