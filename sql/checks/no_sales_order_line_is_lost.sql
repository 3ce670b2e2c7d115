-- Every line in P4 Books is there once, with its quantity and, if it has one, its net.
-- partition: sales_order_id
with

facts as (
    select * from core.fct_sales_order_line
),

lines as (
    select * from staging.sales_order_lines
)

-- In both, the key of a line is checked to be unique.
select
    coalesce(facts.sales_order_id, lines.sales_order_id) as sales_order_id,
    coalesce(facts.line_number, lines.line_number) as line_number,
    facts.quantity,
    lines.quantity as source_quantity,
    facts.line_net,
    lines.line_net as source_net
from facts
full join lines
    on
        facts.sales_order_id = lines.sales_order_id
        and facts.line_number = lines.line_number
where
    facts.sales_order_id is null
    or lines.sales_order_id is null
    or facts.quantity is distinct from lines.quantity
    or facts.line_net <> lines.line_net
