-- One row: the as-of instant and day of all figures, and how current each list is.
-- key: tenant
-- question: As of when are these figures?
-- query: select as_of_on, current_to, verified_to from core.as_of
with

as_of as (
    select * from raw.as_of
),

-- Two columns per endpoint. A list whose first copy is not complete yet is missing:
-- none of its rows is in any figure.
freshness as (
    select * from raw.freshness
),

one_row as (
    select
        as_of.tenant,
        as_of.timezone,
        as_of.currency,

        as_of.as_of_on,
        as_of.as_of_at,
        as_of.history_since,
        freshness.*
    from as_of
    cross join freshness
)

select * from one_row
