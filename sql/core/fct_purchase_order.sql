-- One row per purchase order that P4 Books has, cancelled ones among them.
-- key: purchase_order_id
-- question: What did we order that has not come?
-- query: select currency, count(*) as orders, sum(purchase_order_subtotal) as net
--   from core.fct_purchase_order where is_open group by currency
with

orders as (
    select * from staging.purchase_orders
),

seen as (
    select
        purchase_order_id,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at
    from staging.purchase_orders_history
    group by purchase_order_id
),

as_of as (
    select * from core.as_of
),

lines as (
    select
        purchase_order_id,
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
    from staging.purchase_order_lines
    group by purchase_order_id
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
            regexp_replace(lower(orders.purchase_order_status), '[^a-z]', '', 'g'), ''
        ) as word
    from orders
    inner join seen on orders.purchase_order_id = seen.purchase_order_id
    cross join as_of
),

judged as (
    -- A status that nobody knows is live, and open.
    select
        *,
        word not in ('void', 'draft', 'cancelled', 'canceled') as is_live,
        word not in (
            'void', 'draft', 'cancelled', 'canceled', 'received', 'closed'
        ) as is_open
    from worded
),

-- Where the header names no net it is what its lines come to.
netted as (
    select
        judged.*,
        coalesce(
            judged.purchase_order_subtotal,
            try_cast(
                judged.purchase_order_total::decimal(19, 2) - judged.purchase_order_tax
                as decimal(18, 2)
            ),
            lines.lines_net,
            judged.purchase_order_total,
            0
        ) as net
    from judged
    left join lines on judged.purchase_order_id = lines.purchase_order_id
),

taxed as (
    select
        *,
        coalesce(
            purchase_order_tax,
            try_cast(purchase_order_total::decimal(19, 2) - net as decimal(18, 2)),
            0
        ) as tax
    from netted
),

reckoned as (
    select
        purchase_order_id,
        coalesce(vendor_id, '(none)') as vendor_id,
        warehouse_id,

        purchase_order_code,
        coalesce(nullif(upper(trim(currency)), ''), tenant_currency) as currency,
        purchase_order_status,

        is_live,
        is_open,
        word = 'partiallyreceived' as is_partly_done,

        coalesce(
            document_on,
            timezone(timezone, created_at)::date,
            timezone(timezone, first_seen_at)::date
        ) as document_on,
        expected_on,
        first_seen_at,
        last_changed_at,

        if(is_open, greatest(as_of_on - expected_on, 0), null) as days_late,

        net as purchase_order_subtotal,
        tax as purchase_order_tax,
        coalesce(
            purchase_order_total,
            try_cast(net::decimal(19, 2) + tax as decimal(18, 2)),
            0
        ) as purchase_order_total
    from taxed
)

select * from reckoned
