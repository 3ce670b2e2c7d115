-- One row: the day, time zone and currency of all figures.
-- key: tenant
-- published: no
with

-- Unlike core.as_of, whose instants change in every run, it is the same all day.
today as (
    select
        tenant,
        timezone,
        currency,

        as_of_on
    from raw.today
)

select * from today
