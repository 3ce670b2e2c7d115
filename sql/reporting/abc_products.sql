-- One row per product and currency with sales in the last 12 months: share and class.
-- key: product_id, currency
-- section: Sales
-- order: currency, rank
-- total: net
-- question: Which products make most of our sales?
-- query: select rank, product_name, net, cumulative_share, abc_class
--   from reporting.abc_products where abc_class = 'A' order by currency, rank
with

today as (
    select * from core.today
),

names as (
    select * from core.dim_product
),

-- the twelve months that end on the as-of day
sales as (
    select
        sold.product_id as entity_id,
        sold.currency,
        sold.line_net as net
    from core.fct_invoice_line as sold
    cross join today
    where
        sold.is_live
        and sold.document_on > today.as_of_on - interval 12 months
        and sold.document_on <= today.as_of_on
),

classes as (
    select * from abc_classes(sales)
),

named as (
    select
        classes.entity_id as product_id,

        names.product_code,
        names.product_name,
        classes.currency,
        classes.abc_class,

        classes.rank,

        classes.net_share,
        classes.cumulative_share,
        classes.net
    from classes
    left join names on classes.entity_id = names.product_id
)

select * from named
