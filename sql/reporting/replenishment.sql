-- One row per product sold or on open orders; its stock on hand is unknown.
-- key: product_id
-- section: Orders
-- order: sold_90_days desc, product_id
-- question: Which products sell, and how long will what is on order last?
-- query: select product_name, sold_90_days, demanded, on_order, days_covered
--   from reporting.replenishment where sold_90_days > 0
--   order by days_covered nulls first limit 20
with

today as (
    select * from core.today
),

activity as (
    select facts.*
    from core.fct_item_activity as facts
    cross join today
    where
        facts.quantity is not null
        and (
            facts.is_open
            or (
                facts.direction = 'sold'
                and facts.document_on between today.as_of_on - 89 and today.as_of_on
            )
        )
),

partly_done as (
    select
        'demanded' as direction,
        sales_order_id as document_id
    from core.fct_sales_order
    where is_open and is_partly_done
    union all
    select
        'on order' as direction,
        purchase_order_id as document_id
    from core.fct_purchase_order
    where is_open and is_partly_done
),

quantities as (
    select
        activity.product_id,
        partly_done.document_id is not null as is_partly_done,
        case when activity.direction = 'sold' then activity.quantity end
            as sold_90_days,
        case when activity.direction = 'demanded' then activity.quantity end
            as demanded,
        case when activity.direction = 'on order' then activity.quantity end
            as on_order
    from activity
    left join partly_done
        on
            activity.direction = partly_done.direction
            and activity.document_id = partly_done.document_id
),

sums as (
    select
        product_id,
        bool_or(is_partly_done) as is_partly_done,
        as_measure(coalesce(sum(sold_90_days), 0)) as sold_90_days,
        as_measure(coalesce(sum(demanded), 0)) as demanded,
        as_measure(coalesce(sum(on_order), 0)) as on_order
    from quantities
    group by product_id
),

products as (
    select * from core.dim_product
),

named as (
    select
        sums.product_id,

        products.product_code,
        products.product_name,
        products.product_type,
        products.unit_of_measure,

        sums.is_partly_done,

        sums.sold_90_days,
        sums.demanded,
        sums.on_order,
        if(
            sums.sold_90_days > 0,
            try_cast(
                sums.on_order::decimal(21, 6) * 90 / sums.sold_90_days
                as decimal(18, 2)
            ),
            null
        ) as days_covered
    from sums
    left join products on sums.product_id = products.product_id
)

select * from named
