-- Every status of an order once, with the days of its versions, up to the as-of day.
-- partition: document_id, sales_order_id, purchase_order_id
with

as_of as (
    select * from core.as_of
),

versions as (
    select
        'sales order' as document_type,
        sales_order_id as document_id,
        sales_order_status as status,
        first_seen_at,
        valid_from,
        valid_to
    from staging.sales_orders_history
    union all
    select
        'purchase order' as document_type,
        purchase_order_id as document_id,
        purchase_order_status as status,
        first_seen_at,
        valid_from,
        valid_to
    from staging.purchase_orders_history
),

stays as (
    select
        versions.document_type,
        versions.document_id,
        versions.first_seen_at as order_first_seen_at,
        coalesce(
            nullif(regexp_replace(lower(versions.status), '[^a-z]', '', 'g'), ''),
            'none'
        ) as status_word,
        sum(
            coalesce(
                timezone(as_of.timezone, versions.valid_to)::date, as_of.as_of_on
            )
            - timezone(as_of.timezone, versions.valid_from)::date
        ) as days_in_status
    from versions
    cross join as_of
    group by all
),

sides as (
    select
        document_type,
        document_id,
        order_first_seen_at,
        coalesce(
            nullif(regexp_replace(lower(status), '[^a-z]', '', 'g'), ''), 'none'
        ) as status_word,
        days_in_status,
        1 as copies
    from reporting.order_status_history
    union all
    select
        *,
        -1 as copies
    from stays
)

-- The days are part of the key.
select
    document_type,
    document_id,
    order_first_seen_at,
    status_word,
    days_in_status,
    sum(copies) as copies
from sides
group by all
having sum(copies) <> 0
