-- Every line in P4 Books is there once, with its quantity and, if it has one, its net.
-- partition: invoice_id
with

facts as (
    select * from core.fct_invoice_line
    where not is_difference
),

lines as (
    select * from staging.invoice_lines
)

-- In both, the key of a line is checked to be unique.
select
    coalesce(facts.invoice_id, lines.invoice_id) as invoice_id,
    coalesce(facts.line_number, lines.line_number) as line_number,
    facts.quantity,
    lines.quantity as source_quantity,
    facts.line_net,
    lines.line_net as source_net
from facts
full join lines
    on
        facts.invoice_id = lines.invoice_id
        and facts.line_number = lines.line_number
where
    facts.invoice_id is null
    or lines.invoice_id is null
    or facts.quantity is distinct from lines.quantity
    or facts.line_net <> lines.line_net
