with

gaps as (
    select
        count(*) as day_count,
        max(day_on) - min(day_on) + 1 as expected_count
    from core.dim_date
    having count(*) <> max(day_on) - min(day_on) + 1
)

select * from gaps
