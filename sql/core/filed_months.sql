-- One row per month whose ITBMS return was filed: when, and what it is compared with.
-- key: form, month_on
-- published: no
with

today as (
    select * from core.today
),

filings as (
    select
        filed.form,
        filed.month_on,
        filed.filed_on
    from staging.filed_returns as filed
    inner join today on filed.filed_on <= today.as_of_on
    group by filed.form, filed.month_on, filed.filed_on
),

-- A rectification takes the place of the first return.
months as (
    select
        form,
        month_on,
        min(filed_on) as first_filed_on,
        max(filed_on) as filed_on,
        count(*) > 1 as is_rectified
    from filings
    group by form, month_on
),

ended as (
    select
        months.*,
        today.as_of_on,
        today.history_since,
        end_of_day(months.filed_on, today.timezone) as filed_at
    from months
    cross join today
)

select
    form,

    is_rectified,
    coalesce(filed_at < history_since, false) as is_filed_before_history,

    month_on,
    first_filed_on,
    filed_on,
    as_of_on,

    -- Before history began, nothing is known: the first copy takes its place.
    greatest(filed_at, history_since) as compared_at
from ended
