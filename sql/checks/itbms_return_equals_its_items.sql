-- Base and tax of each month, currency and box; totals are those of the boxes in them.
with

boxes as (
    select
        box,
        filled_with
    from staging.itbms_boxes
),

filled as (
    select
        filled.month_on,
        filled.currency,
        filled.box,
        boxes.filled_with,
        filled.base,
        filled.tax
    from reporting.itbms_return as filled
    left join boxes on filled.box = boxes.box
    where filled.filled_by = 'ours' or filled.box = '(none)'
),

totals (total_of, filled_with) as (
    values ('sales total', 'sales'), ('debit', 'sales'), ('debit', 'returns')
),

sides as (
    select
        month_on,
        currency,
        box,
        if(coalesce(filled_with in ('debit', 'withholding'), false), 0, base) as base,
        tax
    from filled
    union all by name
    select
        month_on,
        currency,
        box,
        -base as base,
        -tax as tax
    from reporting.itbms_return_items
    union all by name
    select
        filled.month_on,
        filled.currency,
        boxes.box,
        if(boxes.filled_with = 'debit', 0, -filled.base) as base,
        -filled.tax as tax
    from filled
    inner join totals on filled.filled_with = totals.filled_with
    inner join boxes on totals.total_of = boxes.filled_with
    union all by name
    select
        withheld.month_on,
        withheld.currency,
        boxes.box,
        0 as base,
        -withheld.expected_withholding as tax
    from reporting.withholding_expected as withheld
    inner join boxes on boxes.filled_with = 'withholding'
)

select
    month_on,
    currency,
    box,
    sum(base) as base_difference,
    sum(tax) as tax_difference
from sides
group by all
having
    (count(*) = count(base) and sum(base) <> 0)
    or (count(*) = count(tax) and sum(tax) <> 0)
