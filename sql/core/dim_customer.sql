-- One row per customer, deleted ones too, and per customer that only documents know.
-- key: customer_id
-- question: Who are our customers, and on which terms do they buy?
-- query: select customer_code, customer_name, payment_terms, credit_limit
--   from core.dim_customer where is_active order by customer_name
with

versions as (
    select * from staging.customers_history
),

as_of as (
    select * from core.as_of
),

spans as (
    select
        customer_id,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at,
        bool_and(valid_to is not null) as is_deleted
    from versions
    group by customer_id
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
            versions.customer_id = spans.customer_id
            and versions.valid_from = spans.last_changed_at
),

named as (
    select customer_id from core.fct_invoice_history
    union
    select coalesce(customer_id, '(none)') as customer_id
    from staging.sales_orders_history
),

unknown as (
    select named.customer_id from named
    anti join known on named.customer_id = known.customer_id
),

customers as (
    select
        known.customer_id,

        known.customer_code,
        coalesce(known.customer_name, known.customer_code, known.customer_id)
            as customer_name,
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
        known.tax_code,
        known.customer_status,

        not known.is_deleted
        and coalesce(lower(known.customer_status), 'active') = 'active' as is_active,
        known.is_deleted,
        true as is_known,

        known.first_seen_at,
        known.last_changed_at,

        known.credit_limit,
        known.balance as customer_balance
    from known
    cross join as_of
    union all by name
    select
        unknown.customer_id,
        if(
            unknown.customer_id = '(none)', '(none)',
            format('(unknown {})', unknown.customer_id)
        ) as customer_name,
        as_of.currency,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
    cross join as_of
)

select * from customers
