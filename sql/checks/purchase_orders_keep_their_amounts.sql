-- What P4 Books says of an order stands; only what is missing is reckoned.
with

odd as (
    select
        orders.purchase_order_id,
        orders.purchase_order_subtotal as source_net,
        facts.purchase_order_subtotal,
        orders.purchase_order_total as source_total,
        facts.purchase_order_total
    from staging.purchase_orders as orders
    full join
        core.fct_purchase_order as facts
        on orders.purchase_order_id = facts.purchase_order_id
    where
        orders.purchase_order_id is null
        or facts.purchase_order_id is null
        or orders.purchase_order_subtotal <> facts.purchase_order_subtotal
        or orders.purchase_order_tax <> facts.purchase_order_tax
        or orders.purchase_order_total <> facts.purchase_order_total
)

select * from odd
