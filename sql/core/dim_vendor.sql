-- One row per vendor, deleted ones too, and per vendor that only documents know.
-- key: vendor_id
-- question: Who are our vendors?
-- query: select vendor_code, vendor_name, payment_terms
--   from core.dim_vendor where is_active order by vendor_name
with

versions as (
    select * from staging.vendors_history
),

as_of as (
    select * from core.as_of
),

spans as (
    select
        vendor_id,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at,
        bool_and(valid_to is not null) as is_deleted
    from versions
    group by vendor_id
),

known as (
    select
        versions.*,
        spans.first_seen_at,
        spans.is_deleted,
        if(spans.is_deleted, versions.valid_to, versions.valid_from) as last_changed_at
    from versions
    inner join spans
        on
            versions.vendor_id = spans.vendor_id
            and versions.valid_from = spans.last_changed_at
),

named as (
    select coalesce(vendor_id, '(none)') as vendor_id
    from staging.purchase_orders_history
    group by all
),

unknown as (
    select named.vendor_id from named
    anti join known on named.vendor_id = known.vendor_id
),

vendors as (
    select
        known.vendor_id,

        known.vendor_code,
        coalesce(known.vendor_name, known.vendor_code, known.vendor_id) as vendor_name,
        known.email,
        known.phone,
        known.tax_id,
        known.payment_terms,
        case
            when lower(trim(known.payment_terms)) in ('cash', 'contado') then 0
            -- of 2/10 net 30 the days to pay in, not those of the discount
            else
                try_cast(
                    regexp_extract(known.payment_terms, '(\d+)\D*$', 1) as integer
                )
        end as terms_days,
        coalesce(nullif(upper(trim(known.currency)), ''), as_of.currency) as currency,
        known.vendor_status,

        not known.is_deleted
        and coalesce(lower(known.vendor_status), 'active') = 'active' as is_active,
        known.is_deleted,
        true as is_known,

        known.first_seen_at,
        known.last_changed_at,

        known.balance as vendor_balance
    from known
    cross join as_of
    union all by name
    select
        unknown.vendor_id,
        if(
            unknown.vendor_id = '(none)', '(none)',
            format('(unknown {})', unknown.vendor_id)
        ) as vendor_name,
        as_of.currency,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
    cross join as_of
)

select * from vendors
