-- What P4 Books says of an order stands; only what is missing is reckoned.
with

odd as (
    select
        orders.sales_order_id,
        orders.sales_order_subtotal as source_net,
        facts.sales_order_subtotal,
        orders.sales_order_total as source_total,
        facts.sales_order_total
    from staging.sales_orders as orders
    full join
        core.fct_sales_order as facts
        on orders.sales_order_id = facts.sales_order_id
    where
        orders.sales_order_id is null
        or facts.sales_order_id is null
        or orders.sales_order_subtotal <> facts.sales_order_subtotal
        or orders.sales_order_tax <> facts.sales_order_tax
        or orders.sales_order_total <> facts.sales_order_total
)

select * from odd
