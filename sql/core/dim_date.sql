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

holidays as (
    select * from raw.holidays
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

business_days as (
    select * from business_days(named, holidays)
),

judged as (
    select
        named.*,
        business_days.holiday,
        business_days.is_business_day
    from named
    inner join business_days on named.day_on = business_days.day_on
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
