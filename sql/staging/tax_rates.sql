-- One row per tax code and period in which its rate is valid.
-- key: tax_code, valid_from
-- question: Which rate of a tax code was valid on a day?
-- query: select tax_rate from staging.tax_rates where tax_code = 'ITBMS'
--   and date '2010-07-01' between valid_from and coalesce(valid_to, date '9999-12-31')
with

rates as (
    select * from raw.tax_rates
),

cleaned as (
    select
        code_key(tax_code) as tax_code,
        box,
        source,

        coalesce(valid_from, date '0001-01-01') as valid_from,
        valid_to,

        rate as tax_rate
    from rates
),

-- A rate ends the day before the next one of its code begins.
ended as (
    select
        tax_code,
        box,
        source,

        valid_from,
        least(
            valid_to,
            lead(valid_from) over (partition by tax_code order by valid_from) - 1
        ) as valid_to,

        tax_rate
    from cleaned
)

select * from ended
