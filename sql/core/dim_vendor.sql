-- One row per vendor, including deleted ones and ones known from documents only.
-- key: vendor_id
-- question: Who are our vendors?
-- query: select vendor_code, vendor_name, payment_terms
--   from core.dim_vendor where is_active order by vendor_name
with

versions as (
    select
        *,
        vendor_id as entity_id
    from staging.vendors_history
),

today as (
    select * from core.today
),

known as (
    select * from last_versions(versions)
),

in_documents as (
    select coalesce(vendor_id, '(none)') as vendor_id
    from staging.purchase_orders_history
    group by all
),

unknown as (
    select in_documents.vendor_id from in_documents
    anti join known on in_documents.vendor_id = known.vendor_id
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
        terms_days(known.payment_terms) as terms_days,
        currency_or(known.currency, today.currency) as currency,
        known.vendor_status,

        is_active_record(known.is_deleted, known.vendor_status) as is_active,
        known.is_deleted,
        true as is_known,

        known.first_seen_at,
        known.last_changed_at,

        known.balance as vendor_balance
    from known
    cross join today
    union all by name
    select
        unknown.vendor_id,
        unknown_name(unknown.vendor_id) as vendor_name,
        today.currency,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
    cross join today
)

select * from vendors
