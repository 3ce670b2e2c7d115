-- Every line in P4 Books is there once, with its quantity and, if it has one, its net.
with

sides as (
    select
        invoice_id,
        line_number,
        quantity,
        line_net,
        1 as copies
    from core.fct_invoice_line
    where not is_difference
    union all by name
    select
        invoice_id,
        line_number,
        quantity,
        -line_net as line_net,
        -1 as copies
    from staging.invoice_lines
)

select
    invoice_id,
    line_number,
    quantity,
    sum(copies) as copies,
    sum(line_net) as net_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(line_net) and sum(line_net) <> 0)
