-- One row per customer, product, month and currency: quantity, net and discount sold.
-- key: customer_id, product_id, month_on, currency
-- partition: customer_id
-- section: Sales
-- question: Who bought what, and when?
-- query: select customer_id, product_id, sum(quantity) as quantity, sum(net) as net
--   from reporting.sales_cube
--   group by customer_id, product_id order by net desc limit 10
with

lines as (
    select * from core.fct_invoice_line
    where is_live
),

cube as (
    select
        customer_id,
        product_id,
        currency,

        month_of(document_on) as month_on,

        as_measure(coalesce(sum(quantity), 0)) as quantity,
        as_money(coalesce(sum(discount), 0)) as discount,
        as_money(sum(line_net)) as net
    from lines
    group by all
)

select * from cube
