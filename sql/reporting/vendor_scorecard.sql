-- One row per vendor and currency with live orders; deliveries as seen in history.
-- key: vendor_id, currency
-- section: Orders
-- order: ordered desc, vendor_id, currency
-- total: ordered
-- question: Which vendors matter most, deliver late or raise their prices?
-- query: select vendor_name, currency, ordered, purchase_share, late_open_orders,
--   price_drift, on_time_share
--   from reporting.vendor_scorecard order by ordered desc limit 10
with

today as (
    select * from core.today
),

orders as (
    select * from core.fct_purchase_order
    where is_live
),

-- A promise before the order, or an order of long ago, is a mistyped day.
orders_with_lead as (
    select
        *,
        case
            when document_on >= first_plausible_day() and expected_on >= document_on
                then expected_on - document_on
        end as lead_days
    from orders
),

sums as (
    select
        vendor_id,
        currency,
        count(*) as orders,
        count(*) filter (where days_late > 0) as late_open_orders,
        median(lead_days) as promised_lead_days,
        sum(purchase_order_subtotal) as ordered
    from orders_with_lead
    group by vendor_id, currency
),

-- What the last quantity of each product cost, against the first price in 12 months.
prices as (
    select
        prices.vendor_id,
        prices.product_id,
        prices.currency,
        prices.quantity,
        prices.unit_price,
        first_value(prices.unit_price) over by_day as first_price,
        lead(prices.product_id) over by_day is null as is_last,
        lag(prices.product_id) over by_day is null as is_first
    from core.fct_purchase_price as prices
    cross join today
    where
        prices.net > 0
        and prices.document_on > today.as_of_on - interval 12 months
        and prices.document_on <= today.as_of_on
    window by_day as (
        partition by prices.vendor_id, prices.product_id, prices.currency
        order by
            prices.document_on,
            length(prices.purchase_order_id),
            prices.purchase_order_id
    )
),

drifts as (
    select
        vendor_id,
        currency,
        sum(try_cast(in_full(quantity, unit_price) as decimal(32, 12))) as at_last,
        sum(try_cast(in_full(quantity, first_price) as decimal(32, 12))) as at_first
    from prices
    where is_last and not is_first
    group by vendor_id, currency
),

versions as (
    select
        *,
        coalesce(status_word(purchase_order_status) = 'received', false) as is_received
    from staging.purchase_orders_history
),

steps as (
    select
        *,
        lag(is_received) over by_time as was_received,
        lag(expected_on) over by_time as promised_on
    from versions
    window by_time as (
        partition by purchase_order_id, first_seen_at order by valid_from
    )
),

-- If an order was received, reopened and received again, the last time counts. The
-- promise is the one that stood before.
turned as (
    select
        steps.purchase_order_id,
        steps.first_seen_at,
        max(local_day(steps.valid_from, today.timezone)) as received_on,
        arg_max(
            struct_pack(promised_on := steps.promised_on), steps.valid_from
        ).promised_on as promised_on
    from steps
    cross join today
    where steps.is_received and not steps.was_received
    group by steps.purchase_order_id, steps.first_seen_at
),

deliveries as (
    select
        orders.vendor_id,
        orders.currency,
        count(*) as observed_orders,
        count(*) filter (where turned.received_on <= turned.promised_on)
            as on_time_orders
    from turned
    inner join orders
        on
            turned.purchase_order_id = orders.purchase_order_id
            and turned.first_seen_at = orders.first_seen_at
    where turned.promised_on is not null
    group by orders.vendor_id, orders.currency
),

histories as (
    select * from core.order_histories
    where document_type = 'purchase order'
),

named as (
    select
        sums.vendor_id,

        vendors.vendor_code,
        vendors.vendor_name,
        sums.currency,

        histories.history_since,

        sums.orders,
        sums.late_open_orders,
        coalesce(deliveries.observed_orders, 0) as observed_orders,
        coalesce(deliveries.on_time_orders, 0) as on_time_orders,

        share_of(deliveries.on_time_orders, deliveries.observed_orders)
            as on_time_share,
        try_cast(sums.promised_lead_days as decimal(18, 2)) as promised_lead_days,
        as_share(drifts.at_last / nullif(drifts.at_first, 0) - 1) as price_drift,
        share_of(sums.ordered, sum(sums.ordered) over (partition by sums.currency))
            as purchase_share,
        as_money(sums.ordered) as ordered
    from sums
    cross join histories
    left join drifts
        on sums.vendor_id = drifts.vendor_id and sums.currency = drifts.currency
    left join deliveries
        on
            sums.vendor_id = deliveries.vendor_id
            and sums.currency = deliveries.currency
    left join core.dim_vendor as vendors on sums.vendor_id = vendors.vendor_id
)

select * from named
