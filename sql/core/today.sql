-- One row: day, time zone, currency and tax date of all figures, and start of history.
-- key: tenant
-- published: no
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
