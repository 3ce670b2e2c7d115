-- One row per day, from the first document to a year after the as-of day.
-- key: day_on
-- question: How many business days does a month have, and when is its ITBMS due?
-- query: select month_on, any_value(itbms_due_on) as itbms_due_on,
--   count(*) filter (where is_business_day) as business_days
--   from core.dim_date group by month_on order by month_on desc
with

today as (
    select * from core.today
),

documents as (
    select document_on from core.fct_invoice
    union all
    select due_on as document_on from core.fct_invoice
    union all
    select document_on from core.fct_sales_order
    union all
    select document_on from core.fct_purchase_order
),

bounds as (
    -- A mistyped date must not make a calendar of two thousand years.
    select
        least(
            greatest(min(documents.document_on), first_plausible_day()),
            today.as_of_on
        ) as first_on,
        greatest(
            (today.as_of_on + interval 1 year)::date,
            least(
                max(documents.document_on),
                (today.as_of_on + interval 5 years)::date
            )
        ) as last_on
    from documents
    cross join today
    group by today.as_of_on
),

-- The year after the last day is only searched for a business day.
days as (
    select
        unnest(generate_series(first_on, last_on + 366, interval 1 day))::date
            as day_on,
        last_on
    from bounds
),

named as (
    select
        day_on,
        last_on,
        month_of(day_on) as month_on,
        date_trunc('week', day_on)::date as week_on,
        last_day(day_on) as month_end_on,
        year(day_on) as year_number,
        month(day_on) as month_number,
        isodow(day_on) as weekday_number
    from days
),

-- Easter by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, ch. 8).
years as (
    select
        year_number,
        year_number % 19 as a,
        year_number // 100 as b,
        year_number % 100 as c
    from named
    group by year_number
),

epacts as (
    select
        *,
        (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30 as h
    from years
),

weekdays as (
    select
        *,
        (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7 as w
    from epacts
),

fulls as (
    select
        *,
        (a + 11 * h + 22 * w) // 451 as m
    from weekdays
),

easters as (
    select
        year_number,
        make_date(
            year_number,
            (h + w - 7 * m + 114) // 31,
            (h + w - 7 * m + 114) % 31 + 1
        ) as easter_on
    from fulls
),

holidays as (
    select
        coalesce(
            easters.easter_on + rules.days_after_easter,
            try_cast(
                format('{}-{:02d}-{:02d}', easters.year_number, rules.month, rules.day)
                as date
            )
        ) as day_on,
        min(rules.holiday) as holiday
    from easters
    cross join raw.holidays as rules
    where
        easters.year_number >= coalesce(rules.first_year, 0)
        and easters.year_number <= coalesce(rules.last_year, 9999)
    group by all
),

free_days as (
    -- If a holiday is a Sunday, the Monday is free (Código de Trabajo, artículo 47).
    select
        day_on,
        holiday
    from holidays
    union all
    select
        sundays.day_on + 1 as day_on,
        sundays.holiday
    from holidays as sundays
    anti join holidays as mondays on sundays.day_on + 1 = mondays.day_on
    where isodow(sundays.day_on) = 7
),

judged as (
    select
        named.*,
        free_days.holiday,
        named.weekday_number <= 5 and free_days.day_on is null as is_business_day
    from named
    left join free_days on named.day_on = free_days.day_on
),

worked as (
    select
        *,
        min(if(is_business_day, day_on, null)) over (
            order by day_on rows between current row and unbounded following
        ) as next_business_on
    from judged
),

calendar as (
    select
        day_on,
        week_on,
        month_on,
        date_trunc('quarter', day_on)::date as quarter_on,
        month_end_on,
        itbms_due(month_on) as itbms_due_on,
        next_business_on,

        year_number,
        quarter(day_on) as quarter_number,
        month_number,
        isoyear(day_on) as iso_year_number,
        weekofyear(day_on) as iso_week_number,
        weekday_number,
        dayname(day_on) as weekday_name,
        holiday,

        day_on = month_end_on as is_month_end,
        is_business_day
    from worked
    where day_on <= last_on
)

select * from calendar
