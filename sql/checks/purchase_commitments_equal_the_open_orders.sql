-- Total, tax included, per order; each open purchase order once.
-- partition: purchase_order_id
with

sides as (
    select
        purchase_order_id,
        currency,
        amount,
        1 as copies
    from reporting.purchase_commitments
    union all by name
    select
        purchase_order_id,
        currency,
        -purchase_order_total as amount,
        -1 as copies
    from core.fct_purchase_order
    where is_open
)

select
    purchase_order_id,
    currency,
    sum(copies) as copies,
    sum(amount) as amount_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(amount) and sum(amount) <> 0)
