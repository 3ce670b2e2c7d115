-- One row per customer that withholds ITBMS, and period in which it does so.
-- key: customer_id, valid_from
-- published: no
with

-- P4 Books does not say who withholds; they are listed in sql/seeds.
listed as (
    select
        code_key(customer_code) as code,
        share,
        coalesce(valid_from, date '0001-01-01') as valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_to
    from raw.withholding_customers
)

select
    customers.customer_id,

    listed.valid_from,
    listed.valid_to,

    listed.share as withholding_share
from listed
inner join core.dim_customer as customers
    on listed.code = code_key(customers.customer_code)
