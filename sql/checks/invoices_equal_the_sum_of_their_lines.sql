-- Line 0, which holds what the header has beyond its lines, included.
-- partition: invoice_id
with

sides as (
    select
        invoice_id,
        line_net as net
    from core.fct_invoice_line
    union all by name
    select
        invoice_id,
        -invoice_subtotal as net
    from core.fct_invoice
)

select
    invoice_id,
    sum(net) as net_difference
from sides
group by all
having count(*) = count(net) and sum(net) <> 0
