-- One row per order and status in which it was seen since history began: how long.
-- key: document_type, document_id, order_first_seen_at, status
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
-- section: Orders
-- order: first_seen_at desc, document_type, document_id
-- period: last_seen_at
-- question: How long do orders stay in each status?
-- query: select document_type, status, count(*) as orders,
--   avg(days_in_status) as average_days
--   from reporting.order_status_history where is_start_seen and not is_current
--   group by document_type, status order by document_type, average_days desc
with

versions as (
    select
        document_type,
        document_id,
        party_id,
        document_code,
        status,
        coalesce(nullif(status_word(status), ''), 'none') as word,
        valid_from,
        valid_to,
        first_seen_at,
        created_at,
        document_on
    from core.document_versions
    where document_type <> 'invoice'
),

today as (
    select * from core.today
),

histories as (
    select * from core.order_histories
),

dated as (
    select
        versions.*,
        coalesce(local_day(versions.valid_to, today.timezone), today.as_of_on)
        - local_day(versions.valid_from, today.timezone) as days_in_version,
        coalesce(local_day(versions.created_at, today.timezone), versions.document_on)
            as made_on
    from versions
    cross join today
),

-- A status that differs only in its spelling is the same one.
stays as (
    select
        document_type,
        document_id,
        first_seen_at as order_first_seen_at,
        arg_max(party_id, valid_from) as party_id,
        arg_max(document_code, valid_from) as document_code,
        arg_max(status, valid_from) as status,
        arg_max(made_on, valid_from) as made_on,
        bool_or(valid_to is null) as is_current,
        min(valid_from) as first_seen_at,
        max(valid_to) as last_seen_at,
        sum(days_in_version)::bigint as days_in_status
    from dated
    group by document_type, document_id, dated.first_seen_at, word
),

finished as (
    select
        stays.document_type,
        stays.document_id,
        coalesce(stays.party_id, '(none)') as party_id,

        stays.document_code,
        coalesce(stays.status, '(none)') as status,

        stays.is_current,
        -- Its first status is seen from its start only if the order is younger than the
        -- first copy of the list.
        stays.first_seen_at > stays.order_first_seen_at
        or coalesce(
            stays.order_first_seen_at > histories.history_since
            and stays.made_on >= local_day(histories.history_since, today.timezone),
            false
        ) as is_start_seen,

        stays.order_first_seen_at,
        stays.first_seen_at,
        if(stays.is_current, null, stays.last_seen_at) as last_seen_at,
        histories.history_since,

        stays.days_in_status
    from stays
    cross join today
    left join histories on stays.document_type = histories.document_type
)

select * from finished
