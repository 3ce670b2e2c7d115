-- One row per invoice in P4 Books now.
-- key: invoice_id
-- partition: invoice_id, id
-- question: What does P4 Books hold for each invoice now?
-- query: select invoice_code, document_on, invoice_status, invoice_total, balance
--   from staging.invoices order by document_on desc limit 10
with

versions as (
    select
        *,
        invoice_id as entity_id
    from staging.invoices_history
),

seen as (
    select * from raw.seen
    where endpoint = 'invoices'
)

select * from current_rows(versions, seen)
