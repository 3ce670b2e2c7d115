-- 7 % is written 0.07 in sql/seeds/tax_rates.csv.
with

wrong as (
    select
        tax_code,
        valid_from,
        tax_rate
    from staging.tax_rates
    where tax_code is null or tax_rate is null or tax_rate < 0 or tax_rate > 1
)

select * from wrong
