-- Each stands once, with its net and quantity.
with

facts as (
    select * from core.fct_purchase_order_line
),

odd as (
    select
        coalesce(given.purchase_order_id, facts.purchase_order_id) as purchase_order_id,
        coalesce(given.line_number, facts.line_number) as line_number,
        given.line_net as source_net,
        facts.line_net,
        given.quantity as source_quantity,
        facts.quantity
    from staging.purchase_order_lines as given
    full join facts
        on
            given.purchase_order_id = facts.purchase_order_id
            and given.line_number = facts.line_number
    where
        given.purchase_order_id is null
        or facts.purchase_order_id is null
        or given.line_net <> facts.line_net
        or given.quantity is distinct from facts.quantity
)

select * from odd
