-- One row per version of an invoice: its fields, and when they were valid.
-- key: invoice_id, valid_from
-- partition: invoice_id, id
-- period: document_on
-- question: Which invoices became void, and when was it noticed?
-- query: select invoice_code, valid_from, invoice_total
--   from staging.invoices_history where lower(invoice_status) = 'void'
--   order by valid_from desc limit 10
with

versions as (
    select * from raw.invoices
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
    from raw.invoices
),

records as (
    select * from records_of(identities)
),

renamed as (
    select
        id_text(id) as entity_id,
        id_text(id) as invoice_id,
        id_text(customer_id) as customer_id,
        id_text(sales_order_id) as sales_order_id,

        code as invoice_code,
        currency,
        text_or_null(status) as invoice_status,

        _dlt_valid_from as valid_from,
        _dlt_valid_to as valid_to,
        _dlt_valid_from as first_seen_at,

        document_date as document_on,
        due_date as due_on,
        posting_date as posted_on,
        date_created as created_at,
        date_modified as modified_at,

        subtotal as invoice_subtotal,
        tax_total as invoice_tax,
        total as invoice_total,
        amount_paid,
        balance,
        -- needed only if the header has no subtotal
        if(subtotal is null, lines_net(lines), null) as lines_subtotal,

        extra,

        -- adopted fields, under their own names
        * exclude (
            id, code, customer_id, sales_order_id, currency, status, document_date,
            due_date, posting_date, date_created, date_modified, subtotal, tax_total,
            total, amount_paid, balance, lines, extra, misfits, row_hash, gone,
            _dlt_valid_from, _dlt_valid_to
        )
    from versions
)

select * from with_first_seen(renamed, records)
