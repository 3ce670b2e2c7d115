-- One row per product, month and currency: quantity and net of live invoices.
-- key: product_id, month_on, currency
-- order: month_on desc, net desc, product_id, currency
-- question: What sells, at which average price?
-- query: select product_name, sum(quantity) as quantity, sum(net) as net
--   from reporting.sales_by_product group by product_name order by net desc limit 10
with

lines as (
    select * from core.fct_invoice_line
    where is_live
),

products as (
    select * from core.dim_product
),

sums as (
    select
        product_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        count(distinct invoice_id) as documents,
        coalesce(sum(quantity), 0) as quantity,
        sum(line_net) as net
    from lines
    group by all
),

named as (
    select
        sums.product_id,

        products.product_code,
        products.product_name,
        sums.currency,

        sums.month_on,

        sums.documents,

        try_cast(sums.quantity as decimal(18, 6)) as quantity,
        try_cast(sums.net / nullif(sums.quantity, 0) as decimal(18, 6))
            as average_price,
        try_cast(sums.net as decimal(18, 2)) as net
    from sums
    left join products on sums.product_id = products.product_id
)

select * from named
