with

activity as (
    select
        direction,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(line_net) as net
    from core.fct_item_activity
    group by direction
),

lines as (
    select
        'sold' as direction,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(line_net) as net
    from core.fct_invoice_line
    where is_live
    union all
    select
        'demanded' as direction,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(line_net) as net
    from core.fct_sales_order_line
    where is_live
    union all
    select
        'on order' as direction,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(line_net) as net
    from core.fct_purchase_order_line
    where is_live
),

odd as (
    select
        lines.direction,
        activity.line_count,
        lines.line_count as source_line_count,
        activity.quantity,
        lines.quantity as source_quantity,
        activity.net,
        lines.net as source_net
    from lines
    left join activity on lines.direction = activity.direction
    where
        coalesce(activity.line_count, 0) <> lines.line_count
        or activity.quantity <> lines.quantity
        or activity.net <> lines.net
)

select * from odd
