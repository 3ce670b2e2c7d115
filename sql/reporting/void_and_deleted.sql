-- One row per void, cancelled or deleted document: what it was, and until when.
-- key: document_type, document_id, first_seen_at
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id
-- section: Trust
-- order: last_seen_at desc, document_type, document_id, first_seen_at
-- period: last_seen_at
-- question: Which documents were voided, cancelled or deleted, and for how much?
-- query: select fate, document_code, party_name, status_before, total, last_seen_at
--   from reporting.void_and_deleted order by last_seen_at desc limit 20
with

versions as (
    select * from core.document_versions
),

judged as (
    select
        *,
        status_word(status) as word,
        word = 'void'
        or (document_type <> 'invoice' and word in ('cancelled', 'canceled')) as is_off
    from versions
),

-- Most documents have one version, which is neither void nor gone.
candidates as (
    select
        document_type,
        document_id,
        first_seen_at
    from judged
    where valid_to is not null or is_off
    group by document_type, document_id, first_seen_at
),

ranked as (
    select
        judged.*,
        row_number() over (
            partition by
                judged.document_type, judged.document_id, judged.first_seen_at
            order by judged.valid_from desc
        ) as age
    from judged
    semi join candidates
        on
            judged.document_type = candidates.document_type
            and judged.document_id = candidates.document_id
            and judged.first_seen_at = candidates.first_seen_at
),

before as (
    -- Its status when it was last seen neither void nor cancelled.
    select
        document_type,
        document_id,
        first_seen_at,
        arg_max_null(status, valid_from) as status_before,
        max(valid_to) as stood_until
    from ranked
    where coalesce(not is_off, true)
    group by document_type, document_id, first_seen_at
),

off as (
    select
        *,
        if(document_type = 'purchase order', null, party_id) as customer_id,
        if(document_type = 'purchase order', party_id, null) as vendor_id,
        if(valid_to is not null, 'deleted', word) as fate
    from ranked
    where age = 1 and (valid_to is not null or is_off)
),

customers as (
    select * from core.dim_customer
),

vendors as (
    select * from core.dim_vendor
),

today as (
    select * from core.today
),

named as (
    select
        off.document_type,
        off.document_id,
        coalesce(off.party_id, '(none)') as party_id,

        off.document_code,
        off.fate,
        coalesce(
            customers.customer_name,
            vendors.vendor_name,
            unknown_name(coalesce(off.party_id, '(none)'))
        ) as party_name,
        before.status_before,
        currency_or(off.currency, today.currency) as currency,

        off.document_on,
        off.first_seen_at,
        if(
            off.fate = 'deleted',
            off.valid_to,
            coalesce(before.stood_until, off.first_seen_at)
        ) as last_seen_at,

        off.total
    from off
    left join before
        on
            off.document_type = before.document_type
            and off.document_id = before.document_id
            and off.first_seen_at = before.first_seen_at
    left join customers on off.customer_id = customers.customer_id
    left join vendors on off.vendor_id = vendors.vendor_id
    cross join today
)

select * from named
