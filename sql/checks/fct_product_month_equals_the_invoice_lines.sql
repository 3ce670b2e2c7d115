-- Net and quantity, per product, month and currency.
-- A line without a quantity counts as 0.
-- partition: product_id
with

sides as (
    select
        product_id,
        month_on,
        currency,
        net,
        quantity
    from core.fct_product_month
    union all by name
    select
        product_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        -line_net as net,
        -coalesce(quantity, 0) as quantity
    from core.fct_invoice_line
    where is_live
)

select
    product_id,
    month_on,
    currency,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
