-- One row per version of a product: what P4 Books said of it, from when to when.
with

versions as (
    select * from raw.products
),

renamed as (
    select
        id as product_id,
        product_group_id,

        code as product_code,
        name as product_name,
        description as product_description,
        product_type,
        unit_of_measure,
        tax_code,
        status as product_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,

        date_created as created_at,
        date_modified as modified_at,

        price as list_price,
        cost as unit_cost,

        extra
    from versions
)

select * from renamed
