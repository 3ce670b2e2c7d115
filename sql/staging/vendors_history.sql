-- One row per version of a vendor: its fields, and when they were valid.
-- key: vendor_id, valid_from
-- partition: vendor_id, id
-- question: Which vendors were deleted, and when was it noticed?
-- query: select vendor_name, max(valid_to) as gone_at
--   from staging.vendors_history group by vendor_id, vendor_name
--   having bool_and(valid_to is not null)
with

versions as (
    select * from raw.vendors
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
    from raw.vendors
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as vendor_id,

        code as vendor_code,
        name as vendor_name,
        email,
        phone,
        tax_id,
        payment_terms,
        currency,
        text_or_null(status) as vendor_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        date_created as created_at,
        date_modified as modified_at,

        balance,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, name, email, phone, tax_id, payment_terms, currency, status,
            date_created, date_modified, balance, extra, misfits, row_hash, gone,
            _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
