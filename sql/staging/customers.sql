-- One row per customer in P4 Books now.
-- key: customer_id
-- partition: customer_id, id
-- question: What does P4 Books hold for each customer now?
-- query: select customer_code, customer_name, credit_limit, balance
--   from staging.customers order by balance desc limit 10
with

versions as (
    select
        *,
        customer_id as entity_id
    from staging.customers_history
),

seen as (
    select * from raw.seen
    where endpoint = 'customers'
)

select * from current_rows(versions, seen)
