-- One row per version of a product: its fields, and when they were valid.
-- key: product_id, valid_from
-- partition: product_id, id
-- question: Which list prices changed, from what to what?
-- query: select product_name, valid_from,
--     lag(list_price) over versions as before, list_price
--   from staging.products_history
--   window versions as (partition by product_id order by valid_from)
--   qualify list_price <> before
with

versions as (
    select * from raw.products
),

-- What tells one record from another with the same id.
identities as (
    select
        id_text(id) as entity_id,
        code,
        name as name_or_day,
        date_created as created_at,
        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to
    from raw.products
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as product_id,
        id_text(product_group_id) as product_group_id,

        code as product_code,
        name as product_name,
        description as product_description,
        product_type,
        unit_of_measure,
        tax_code,
        text_or_null(status) as product_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        date_created as created_at,
        date_modified as modified_at,

        price as list_price,
        cost as unit_cost,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, name, description, product_type, unit_of_measure,
            product_group_id, tax_code, status, date_created, date_modified, price,
            cost, extra, misfits, row_hash, gone, _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
