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

        coalesce(
            sales_order_subtotal,
            try_cast(
                sales_order_total - coalesce(sales_order_tax, 0) as decimal(18, 2)
            ),
            0
        ) as sales_order_subtotal,
        coalesce(
            sales_order_tax,
            try_cast(sales_order_total - sales_order_subtotal as decimal(18, 2)),
            0
        ) as sales_order_tax,
        coalesce(
            sales_order_total,
            try_cast(
                sales_order_subtotal + coalesce(sales_order_tax, 0) as decimal(18, 2)
            ),
            0
        ) as sales_order_total
    from judged
)

select * from reckoned
