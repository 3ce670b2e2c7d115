-- What was filed last for a month, of the boxes that the return has.
with

today as (
    select as_of_on from core.as_of
),

amounts as (
    select
        filed.month_on,
        filed.filed_on,
        filed.box,
        filed.amount_filed,
        max(filed.filed_on) over (partition by filed.form, filed.month_on)
            as last_filed_on
    from staging.filed_returns as filed
    inner join today on filed.filed_on <= today.as_of_on
),

boxes as (
    select box from staging.itbms_boxes
    union
    select tax_box as box from staging.itbms_boxes
),

sides as (
    select
        month_on,
        coalesce(base_filed, 0)::decimal(38, 2) + coalesce(tax_filed, 0) as amount
    from reporting.itbms_return
    union all
    select
        amounts.month_on,
        -coalesce(amounts.amount_filed, 0) as amount
    from amounts
    semi join boxes on amounts.box = boxes.box
    where amounts.filed_on = amounts.last_filed_on
)

select
    month_on,
    sum(amount) as difference
from sides
group by month_on
having sum(amount) <> 0
