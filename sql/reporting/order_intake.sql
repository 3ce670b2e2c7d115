-- One row per month and currency: totals only, as no invoice is matched to its order.
-- key: month_on, currency
-- section: Orders
-- order: month_on desc, currency
-- period: month_on
-- total: ordered, invoiced
-- question: Do we take more orders than we invoice?
-- query: select month_on, currency, ordered, invoiced, ratio
--   from reporting.order_intake order by month_on desc, currency limit 12
with

ordered as (
    select
        month_of(document_on) as month_on,
        currency,
        count(*) as orders,
        as_money(sum(sales_order_subtotal)) as net
    from core.fct_sales_order
    where is_live
    group by all
),

invoiced as (
    select * from reporting.sales_by_month
),

joined as (
    select
        coalesce(ordered.currency, invoiced.currency) as currency,

        coalesce(ordered.month_on, invoiced.month_on) as month_on,

        coalesce(ordered.orders, 0) as orders,
        coalesce(invoiced.documents, 0) as documents,

        if(ordered.month_on is null, 0, ordered.net) as ordered,
        if(invoiced.month_on is null, 0, invoiced.net) as invoiced
    from ordered
    full join invoiced
        on
            ordered.month_on = invoiced.month_on
            and ordered.currency = invoiced.currency
),

compared as (
    select
        *,
        if(invoiced > 0, as_share(ordered / invoiced), null) as ratio
    from joined
)

select * from compared
