-- Quantity per product: sold in 90 days, demanded and on order by open orders.
with

as_of as (
    select * from core.as_of
),

sides as (
    select
        product_id,
        sold_90_days,
        demanded,
        on_order
    from reporting.replenishment
    union all by name
    select
        facts.product_id,
        -coalesce(facts.quantity, 0) as sold_90_days,
        0 as demanded,
        0 as on_order
    from core.fct_invoice_line as facts
    cross join as_of
    where
        facts.is_live
        and facts.document_on > as_of.as_of_on - 90
        and facts.document_on <= as_of.as_of_on
    union all by name
    select
        product_id,
        0 as sold_90_days,
        -coalesce(quantity, 0) as demanded,
        0 as on_order
    from core.fct_sales_order_line
    where is_open
    union all by name
    select
        product_id,
        0 as sold_90_days,
        0 as demanded,
        -coalesce(quantity, 0) as on_order
    from core.fct_purchase_order_line
    where is_open
)

select
    product_id,
    sum(sold_90_days) as sold_difference,
    sum(demanded) as demanded_difference,
    sum(on_order) as on_order_difference
from sides
group by all
having
    (count(*) = count(sold_90_days) and sum(sold_90_days) <> 0)
    or (count(*) = count(demanded) and sum(demanded) <> 0)
    or (count(*) = count(on_order) and sum(on_order) <> 0)
