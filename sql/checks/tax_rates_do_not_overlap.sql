-- Each day must have one rate; correct sql/seeds/tax_rates.csv.
with

overlapping as (
    select
        one.tax_code,
        one.valid_from,
        one.valid_to,
        other.valid_from as other_valid_from
    from staging.tax_rates as one
    inner join staging.tax_rates as other
        on
            one.tax_code = other.tax_code
            and one.valid_from < other.valid_from
            and coalesce(one.valid_to, date '9999-12-31') >= other.valid_from
)

select * from overlapping
