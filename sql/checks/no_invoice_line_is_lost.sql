-- Each stands once, with its net and quantity.
with

facts as (
    select * from core.fct_invoice_line
    where not is_difference
),

odd as (
    select
        coalesce(given.invoice_id, facts.invoice_id) as invoice_id,
        coalesce(given.line_number, facts.line_number) as line_number,
        given.line_net as source_net,
        facts.line_net,
        given.quantity as source_quantity,
        facts.quantity
    from staging.invoice_lines as given
    full join facts
        on
            given.invoice_id = facts.invoice_id
            and given.line_number = facts.line_number
    where
        given.invoice_id is null
        or facts.invoice_id is null
        or given.line_net <> facts.line_net
        or given.quantity is distinct from facts.quantity
)

select * from odd
