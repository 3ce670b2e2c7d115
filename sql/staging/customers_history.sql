-- One row per version of a customer: its fields, and when they were valid.
-- key: customer_id, valid_from
-- partition: customer_id, id
-- question: Which customers' credit limits changed, and when?
-- query: select customer_name, valid_from, credit_limit
--   from staging.customers_history
--   window versions as (partition by customer_id order by valid_from)
--   qualify credit_limit is distinct from
--     lag(credit_limit, 1, credit_limit) over versions
with

versions as (
    select * from raw.customers
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
    from raw.customers
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as customer_id,

        code as customer_code,
        name as customer_name,
        email,
        phone,
        tax_id,
        payment_terms,
        currency,
        tax_code,
        text_or_null(status) as customer_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        date_created as created_at,
        date_modified as modified_at,

        credit_limit,
        balance,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, name, email, phone, tax_id, payment_terms, currency, tax_code,
            status, date_created, date_modified, credit_limit, balance, addresses,
            extra, misfits, row_hash, gone, _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
