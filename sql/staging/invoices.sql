-- One row per invoice that P4 Books has now.
-- key: invoice_id
-- question: What does P4 Books say of each invoice now?
-- query: select invoice_code, document_on, invoice_status, invoice_total, balance
--   from staging.invoices order by document_on desc limit 10
with

versions as (
    select * exclude (valid_from, valid_to) from staging.invoices_history
    where valid_to is null
),

seen as (
    select * from raw.seen
    where endpoint = 'invoices'
),

current_rows as (
    select
        versions.*,
        seen.verified_at
    from versions
    left join seen on versions.invoice_id = seen.id
)

select * from current_rows
