-- One row per line of an invoice in P4 Books now.
-- key: invoice_id, line_number
-- partition: invoice_id, id
-- question: What is on the lines of an invoice?
-- query: select line_number, line_description, quantity, unit_price, line_net
--   from staging.invoice_lines where invoice_id = '1' order by line_number
with

documents as (
    select
        id_text(id) as document_id,
        lines
    from raw.invoices
    where _dlt_valid_to is null
)

select
    document_id as invoice_id,
    * exclude (document_id)
from lines_of(documents)
