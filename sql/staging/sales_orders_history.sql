-- One row per version of a sales order: its fields, and when they were valid.
-- key: sales_order_id, valid_from
-- partition: sales_order_id, id
-- period: document_on
-- question: How did the status of a sales order develop?
-- query: select sales_order_code, valid_from, valid_to, sales_order_status
--   from staging.sales_orders_history where sales_order_id = '1'
--   order by valid_from
with

versions as (
    select * from raw.sales_orders
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
    from raw.sales_orders
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as sales_order_id,
        id_text(customer_id) as customer_id,
        id_text(warehouse_id) as warehouse_id,

        code as sales_order_code,
        currency,
        text_or_null(status) as sales_order_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        document_date as document_on,
        required_date as required_on,
        date_created as created_at,
        date_modified as modified_at,

        subtotal as sales_order_subtotal,
        tax_total as sales_order_tax,
        total as sales_order_total,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, customer_id, warehouse_id, currency, status, document_date,
            required_date, date_created, date_modified, subtotal, tax_total, total,
            lines, extra, misfits, row_hash, gone, _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
