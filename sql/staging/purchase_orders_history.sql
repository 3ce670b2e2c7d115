-- One row per version of a purchase order: its fields, and when they were valid.
-- key: purchase_order_id, valid_from
-- partition: purchase_order_id, id
-- period: document_on
-- question: Which purchase orders were postponed, and to when?
-- query: select purchase_order_code, valid_from,
--     lag(expected_on) over versions as before, expected_on
--   from staging.purchase_orders_history
--   window versions as (partition by purchase_order_id order by valid_from)
--   qualify expected_on > before
with

versions as (
    select * from raw.purchase_orders
),

-- What tells one record from another with the same id.
identities as (
    select
        id_text(id) as entity_id,
        code,
        document_date::varchar as name_or_day,
        date_created as created_at,
        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to
    from raw.purchase_orders
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as purchase_order_id,
        id_text(vendor_id) as vendor_id,
        id_text(warehouse_id) as warehouse_id,

        code as purchase_order_code,
        currency,
        text_or_null(status) as purchase_order_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        document_date as document_on,
        expected_date as expected_on,
        date_created as created_at,
        date_modified as modified_at,

        subtotal as purchase_order_subtotal,
        tax_total as purchase_order_tax,
        total as purchase_order_total,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, vendor_id, warehouse_id, currency, status, document_date,
            expected_date, date_created, date_modified, subtotal, tax_total, total,
            lines, extra, misfits, row_hash, gone, _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
