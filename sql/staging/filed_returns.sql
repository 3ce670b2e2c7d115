-- One row per amount of an ITBMS return that was filed, as it was written down.
-- key: form, month_on, filed_on, box
-- question: Which ITBMS returns were filed, when, and with which amounts?
-- query: select month_on, filed_on, box, amount_filed
--   from staging.filed_returns order by month_on desc, filed_on, box
with

filed as (
    select * from raw.filed_returns
)

select
    form,
    coalesce(box, '(none)') as box,

    month as month_on,
    filed_on,

    any_value(amount) as amount_filed
from filed
group by form, coalesce(box, '(none)'), month, filed_on
