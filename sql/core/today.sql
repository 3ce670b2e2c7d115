-- One row: day, time zone, currency and tax date of all figures, and start of history.
-- key: tenant
-- question: Which day are these figures of, and in which currency?
-- query: select as_of_on, timezone, currency from core.today
with

-- Unlike core.as_of, whose instants change in every run, it is the same all day.
today as (
    select
        tenant,
        timezone,
        currency,
        tax_date,

        as_of_on,
        history_since
    from raw.today
)

select * from today
