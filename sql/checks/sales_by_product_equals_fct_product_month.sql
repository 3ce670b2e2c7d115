-- It only adds names: it has the same rows, with the same amounts.
-- partition: product_id
with

sides as (
    select
        product_id,
        month_on,
        currency,
        documents,
        quantity,
        net,
        1 as copies
    from reporting.sales_by_product
    union all by name
    select
        product_id,
        month_on,
        currency,
        -documents as documents,
        -quantity as quantity,
        -net as net,
        -1 as copies
    from core.fct_product_month
)

select
    product_id,
    month_on,
    currency,
    sum(copies) as copies,
    sum(documents) as documents_difference,
    sum(quantity) as quantity_difference,
    sum(net) as net_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(documents) and sum(documents) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
    or (count(*) = count(net) and sum(net) <> 0)
