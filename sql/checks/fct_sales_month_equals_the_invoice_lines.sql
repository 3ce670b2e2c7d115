-- Net, quantity and discount of live invoices. A line without one of them counts as 0.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        product_id,
        month_on,
        currency,
        net,
        quantity,
        discount
    from core.fct_sales_month
    union all by name
    select
        customer_id,
        product_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        -line_net as net,
        -coalesce(quantity, 0) as quantity,
        -coalesce(discount, 0) as discount
    from core.fct_invoice_line
    where is_live
)

select
    customer_id,
    product_id,
    month_on,
    currency,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference,
    sum(discount) as discount_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
    or (count(*) = count(discount) and sum(discount) <> 0)
