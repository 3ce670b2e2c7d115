-- One row per sales order that P4 Books has, cancelled ones among them.
-- key: sales_order_id
-- question: What did customers order that is not delivered?
-- query: select currency, count(*) as orders, sum(sales_order_subtotal) as net
--   from core.fct_sales_order where is_open group by currency
with

orders as (
    select * from staging.sales_orders
),

seen as (
    select
        sales_order_id,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at
    from staging.sales_orders_history
    group by sales_order_id
),

as_of as (
    select * from core.as_of
),

lines as (
    select
        sales_order_id,
        try_cast(
            sum(
                coalesce(
                    line_net,
                    try_cast(
                        quantity::decimal(19, 6) * unit_price - coalesce(discount, 0)
                        as decimal(18, 2)
                    )
                )
            ) as decimal(18, 2)
        ) as lines_net
    from staging.sales_order_lines
    group by sales_order_id
),

worded as (
    select
        orders.*,
        as_of.as_of_on,
        as_of.timezone,
        as_of.currency as tenant_currency,
        seen.first_seen_at,
        seen.last_changed_at,
        coalesce(
            regexp_replace(lower(orders.sales_order_status), '[^a-z]', '', 'g'), ''
        ) as word
    from orders
    inner join seen on orders.sales_order_id = seen.sales_order_id
    cross join as_of
),

judged as (
    -- A status that nobody knows is live, and open.
    select
        *,
        word not in ('void', 'draft', 'cancelled', 'canceled') as is_live,
        word not in (
            'void', 'draft', 'cancelled', 'canceled', 'fulfilled', 'closed'
        ) as is_open
    from worded
),

-- Where the header names no net it is what its lines come to.
netted as (
    select
        judged.*,
        coalesce(
            judged.sales_order_subtotal,
            try_cast(
                judged.sales_order_total::decimal(19, 2) - judged.sales_order_tax
                as decimal(18, 2)
            ),
            lines.lines_net,
            judged.sales_order_total,
            0
        ) as net
    from judged
    left join lines on judged.sales_order_id = lines.sales_order_id
),

taxed as (
    select
        *,
        coalesce(
            sales_order_tax,
            try_cast(sales_order_total::decimal(19, 2) - net as decimal(18, 2)),
            0
        ) as tax
    from netted
),

reckoned as (
    select
        sales_order_id,
        coalesce(customer_id, '(none)') as customer_id,
        warehouse_id,

        sales_order_code,
        coalesce(nullif(upper(trim(currency)), ''), tenant_currency) as currency,
        sales_order_status,

        is_live,
        is_open,
        word = 'partiallyfulfilled' as is_partly_done,

        coalesce(
            document_on,
            timezone(timezone, created_at)::date,
            timezone(timezone, first_seen_at)::date
        ) as document_on,
        required_on,
        first_seen_at,
        last_changed_at,

        if(is_open, greatest(as_of_on - required_on, 0), null) as days_late,

        net as sales_order_subtotal,
        tax as sales_order_tax,
        coalesce(
            sales_order_total,
            try_cast(net::decimal(19, 2) + tax as decimal(18, 2)),
            0
        ) as sales_order_total
    from taxed
)

select * from reckoned
