-- One row per customer and currency with sales in the last 12 months: share and class.
-- key: customer_id, currency
-- section: Sales
-- order: currency, rank
-- total: net
-- question: Which customers make most of our sales?
-- query: select rank, customer_name, net, cumulative_share, abc_class
--   from reporting.abc_customers where abc_class = 'A' order by currency, rank
with

today as (
    select * from core.today
),

names as (
    select * from core.dim_customer
),

-- the twelve months that end on the as-of day
sales as (
    select
        invoices.customer_id as entity_id,
        invoices.currency,
        invoices.invoice_subtotal as net
    from core.fct_invoice as invoices
    cross join today
    where
        invoices.is_live
        and invoices.document_on > today.as_of_on - interval 12 months
        and invoices.document_on <= today.as_of_on
),

classes as (
    select * from abc_classes(sales)
),

named as (
    select
        classes.entity_id as customer_id,

        names.customer_code,
        names.customer_name,
        classes.currency,
        classes.abc_class,

        classes.rank,

        classes.net_share,
        classes.cumulative_share,
        classes.net
    from classes
    left join names on classes.entity_id = names.customer_id
)

select * from named
