-- One row per sales or purchase order, computed by the rules that both share.
-- key: order_type, order_id
-- published: no
with

today as (
    select * from core.today
),

orders as (
    select
        'sales order' as order_type,
        sales_order_id as order_id,
        customer_id as party_id,
        warehouse_id,
        sales_order_code as order_code,
        currency,
        sales_order_status as order_status,
        document_on,
        required_on as promised_on,
        created_at,
        first_seen_at,
        valid_from as last_changed_at,
        sales_order_subtotal as subtotal,
        sales_order_tax as tax,
        sales_order_total as total
    from staging.sales_orders_history
    where valid_to is null
    union all
    select
        'purchase order' as order_type,
        purchase_order_id as order_id,
        vendor_id as party_id,
        warehouse_id,
        purchase_order_code as order_code,
        currency,
        purchase_order_status as order_status,
        document_on,
        expected_on as promised_on,
        created_at,
        first_seen_at,
        valid_from as last_changed_at,
        purchase_order_subtotal as subtotal,
        purchase_order_tax as tax,
        purchase_order_total as total
    from staging.purchase_orders_history
    where valid_to is null
),

lines as (
    select
        'sales order' as order_type,
        sales_order_id as order_id,
        coalesce(line_net, line_amount(quantity, unit_price, discount)) as line_net
    from staging.sales_order_lines
    union all
    select
        'purchase order' as order_type,
        purchase_order_id as order_id,
        coalesce(line_net, line_amount(quantity, unit_price, discount)) as line_net
    from staging.purchase_order_lines
),

line_sums as (
    select
        order_type,
        order_id,
        as_money(sum(line_net)) as lines_net
    from lines
    group by order_type, order_id
),

joined as (
    select
        orders.*,
        today.as_of_on,
        today.timezone,
        today.currency as tenant_currency,
        coalesce(status_word(orders.order_status), '') as word,
        header_net(orders.subtotal, orders.tax, orders.total, line_sums.lines_net)
            as net
    from orders
    left join line_sums
        on
            orders.order_type = line_sums.order_type
            and orders.order_id = line_sums.order_id
    cross join today
),

-- An order with an unknown status, or without one, is live and open.
judged as (
    select
        *,
        header_tax(tax, total, net) as net_tax,
        word not in ('void', 'draft', 'cancelled', 'canceled') as is_live,
        is_live and word <> 'closed' and word <> if(
            order_type = 'sales order', 'fulfilled', 'received'
        ) as is_open,
        word = if(
            order_type = 'sales order', 'partiallyfulfilled', 'partiallyreceived'
        ) as is_partly_done
    from joined
),

-- An order without a date counts from the day it was made, or else first seen.
finished as (
    select
        order_type,
        order_id,
        coalesce(party_id, '(none)') as party_id,
        warehouse_id,

        order_code,
        currency_or(currency, tenant_currency) as currency,
        order_status,

        is_live,
        is_open,
        is_partly_done,

        coalesce(
            document_on,
            local_day(created_at, timezone),
            local_day(first_seen_at, timezone)
        ) as document_on,
        promised_on,
        first_seen_at,
        last_changed_at,

        if(is_open, greatest(as_of_on - promised_on, 0), null) as days_late,

        net as subtotal,
        net_tax as tax,
        header_total(total, net, net_tax) as total
    from judged
)

select * from finished
