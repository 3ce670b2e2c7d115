-- One row per month since history began, with the instant at which it is measured.
-- key: month_on
-- question: For which month ends is it known what was owed?
-- query: select month_end_on, is_month_over from core.month_ends order by month_end_on
with

as_of as (
    select * from core.as_of
),

months as (
    select
        *,
        unnest(
            generate_series(
                date_trunc('month', local_day(history_since, timezone)),
                as_of_on,
                interval 1 month
            )
        )::date as month_on
    from as_of
),

ended as (
    select
        month_on,
        last_day(month_on) as month_end_on,
        least(last_day(month_on), as_of_on) as measured_on,
        end_of_day(last_day(month_on), timezone) as ended_at,
        as_of_at,
        history_since
    from months
),

measured as (
    -- A month that is not over is measured at the as-of instant. It is over at the end
    -- of its last day.
    select
        month_on,
        month_end_on,
        measured_on,

        ended_at <= as_of_at as is_month_over,

        least(ended_at, as_of_at) as measured_at,
        history_since
    from ended
)

select * from measured
