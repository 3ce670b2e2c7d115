-- One row per certificate of ITBMS withheld, as it was written down.
-- key: customer_code, certificate_number
-- question: Which certificates of ITBMS withheld do we have?
-- query: select month_on, customer_code, certificate_number, certified
--   from staging.withholding_certificates order by month_on desc, customer_code
with

certificates as (
    select * from raw.withholding_certificates
)

select
    code_key(customer_code) as customer_code,

    number as certificate_number,
    currency,

    month as month_on,

    amount as certified
from certificates
