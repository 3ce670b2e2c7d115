-- The same products, with the day of their last sale.
-- partition: product_id
with

last_sales as (
    select
        sold.product_id,
        max(sold.document_on) as last_sold_on,
        max(sold.document_on) >= any_value(as_of.as_of_on) - 90 as is_recent
    from core.fct_invoice_line as sold
    cross join core.as_of as as_of
    where
        sold.is_live
        and not sold.is_credit_note
        and coalesce(sold.quantity, sold.line_net) > 0
        and sold.document_on between '1990-01-01' and as_of.as_of_on
    group by sold.product_id
),

sides as (
    select
        product_id,
        last_sold_on,
        1 as copies
    from reporting.inactive_products
    union all
    select
        products.product_id,
        last_sales.last_sold_on,
        -1 as copies
    from core.dim_product as products
    left join last_sales on products.product_id = last_sales.product_id
    where
        products.is_known
        and not products.is_deleted
        and not coalesce(last_sales.is_recent, false)
)

select
    product_id,
    last_sold_on,
    sum(copies) as copies_difference
from sides
group by all
having sum(copies) <> 0
