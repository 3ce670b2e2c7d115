-- One row per product sold or on open orders; its stock on hand is unknown.
-- key: product_id
-- section: Orders
-- order: sold_90_days desc, product_id
-- question: Which products sell, and how long will what is on order last?
-- query: select product_name, sold_90_days, demanded, on_order, days_covered
--   from reporting.replenishment where sold_90_days > 0
--   order by days_covered nulls first limit 20
with

today as (
    select * from core.today
),

sales as (
    select
        facts.product_id,
        facts.quantity as sold_90_days
    from core.fct_invoice_line as facts
    cross join today
    where
        facts.is_live
        and facts.document_on between today.as_of_on - 89 and today.as_of_on
),

demand as (
    select
        product_id,
        is_partly_done,
        quantity as demanded
    from reporting.sales_backlog_lines
),

orders as (
    select
        facts.product_id,
        commitments.is_partly_done,
        facts.quantity as on_order
    from core.fct_purchase_order_line as facts
    inner join reporting.purchase_commitments as commitments
        on facts.purchase_order_id = commitments.purchase_order_id
),

activity as (
    select * from sales
    union all by name
    select * from demand
    union all by name
    select * from orders
),

sums as (
    select
        product_id,
        coalesce(bool_or(is_partly_done), false) as is_partly_done,
        as_measure(coalesce(sum(sold_90_days), 0)) as sold_90_days,
        as_measure(coalesce(sum(demanded), 0)) as demanded,
        as_measure(coalesce(sum(on_order), 0)) as on_order
    from activity
    where coalesce(sold_90_days, demanded, on_order) is not null
    group by product_id
),

products as (
    select * from core.dim_product
),

named as (
    select
        sums.product_id,

        products.product_code,
        products.product_name,
        products.product_type,
        products.unit_of_measure,

        sums.is_partly_done,

        sums.sold_90_days,
        sums.demanded,
        sums.on_order,
        if(
            sums.sold_90_days > 0,
            try_cast(sums.on_order * 90 / sums.sold_90_days as decimal(18, 2)),
            null
        ) as days_covered
    from sums
    left join products on sums.product_id = products.product_id
)

select * from named
