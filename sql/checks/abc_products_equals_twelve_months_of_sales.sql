-- The twelve months that end on the as-of day.
with

sides as (
    select
        product_id,
        currency,
        net
    from reporting.abc_products
    union all by name
    select
        sold.product_id,
        sold.currency,
        -sold.line_net as net
    from core.fct_invoice_line as sold
    cross join core.as_of as as_of
    where
        sold.is_live
        and sold.document_on > as_of.as_of_on - interval 12 months
        and sold.document_on <= as_of.as_of_on
)

select
    product_id,
    currency,
    sum(net) as net_difference
from sides
group by all
having count(*) = count(net) and sum(net) <> 0
