-- One row per address of a customer in P4 Books now.
-- key: customer_id, address_number
-- partition: customer_id, id
-- question: Where is each customer?
-- query: select customer_id, address_type, address_line1, city, country
--   from staging.customer_addresses order by customer_id, address_number limit 20
with

versions as (
    select * from raw.customers
    where _dlt_valid_to is null
),

documents as (
    select
        id_text(id) as customer_id,
        from_json(
            addresses,
            '[{
                "address_type": "VARCHAR",
                "line1": "VARCHAR",
                "line2": "VARCHAR",
                "city": "VARCHAR",
                "state": "VARCHAR",
                "postal_code": "VARCHAR",
                "country": "VARCHAR"
            }]'
        ) as items
    from versions
    where json_array_length(addresses) > 0
),

items as (
    select
        customer_id,
        unnest(items) as item,
        generate_subscripts(items, 1) as address_number
    from documents
),

typed as (
    select
        customer_id,
        address_number,

        item.address_type,
        item.line1 as address_line1,
        item.line2 as address_line2,
        item.city,
        item.state,
        item.postal_code,
        item.country
    from items
    where item is not null
)

select * from typed
