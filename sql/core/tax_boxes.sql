-- One row per tax code and period in which its rate is valid: its box in the return.
-- key: tax_code, valid_from
-- published: no
with

rates as (
    select * from staging.tax_rates
),

boxes as (
    select * from staging.itbms_boxes
    where filled_with = 'sales'
),

-- A tax code without a box of its own is in the one for its rate.
found as (
    select
        rates.tax_code,

        rates.box as own_box,
        coalesce(named.box, if(rates.box is null, by_rate.box, null)) as found_box,

        rates.valid_from,
        coalesce(rates.valid_to, date '9999-12-31') as valid_to,

        rates.tax_rate
    from rates
    left join boxes as named on rates.box = named.box
    left join boxes as by_rate on rates.tax_rate = by_rate.tax_rate
)

select
    tax_code,

    own_box,
    coalesce(found_box, '(none)') as box,

    valid_from,
    valid_to,

    tax_rate
from found
