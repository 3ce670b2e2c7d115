-- One row per customer that P4 Books has now.
-- key: customer_id
-- question: What does P4 Books say of each customer now?
-- query: select customer_code, customer_name, credit_limit, balance
--   from staging.customers order by balance desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to) from staging.customers_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'customers'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.customer_id = seen.id
)

select * from current_rows
