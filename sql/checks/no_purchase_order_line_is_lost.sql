-- Every line in P4 Books is there once, with its quantity and, if it has one, its net.
-- partition: purchase_order_id
with

facts as (
    select * from core.fct_purchase_order_line
),

lines as (
    select * from staging.purchase_order_lines
)

-- In both, the key of a line is checked to be unique.
select
    coalesce(facts.purchase_order_id, lines.purchase_order_id) as purchase_order_id,
    coalesce(facts.line_number, lines.line_number) as line_number,
    facts.quantity,
    lines.quantity as source_quantity,
    facts.line_net,
    lines.line_net as source_net
from facts
full join lines
    on
        facts.purchase_order_id = lines.purchase_order_id
        and facts.line_number = lines.line_number
where
    facts.purchase_order_id is null
    or lines.purchase_order_id is null
    or facts.quantity is distinct from lines.quantity
    or facts.line_net <> lines.line_net
