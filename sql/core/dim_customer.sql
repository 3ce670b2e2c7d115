-- One row per customer, including deleted ones and ones known from documents only.
-- key: customer_id
-- question: Who are our customers, and on which terms do they buy?
-- query: select customer_code, customer_name, payment_terms, credit_limit
--   from core.dim_customer where is_active order by customer_name
with

versions as (
    select
        *,
        customer_id as entity_id
    from staging.customers_history
),

today as (
    select * from core.today
),

known as (
    select * from last_versions(versions)
),

in_documents as (
    select customer_id from core.fct_invoice_history
    union
    select coalesce(customer_id, '(none)') as customer_id
    from staging.sales_orders_history
),

unknown as (
    select in_documents.customer_id from in_documents
    anti join known on in_documents.customer_id = known.customer_id
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
        terms_days(known.payment_terms) as terms_days,
        currency_or(known.currency, today.currency) as currency,
        known.tax_code,
        known.customer_status,

        is_active_record(known.is_deleted, known.customer_status) as is_active,
        known.is_deleted,
        true as is_known,

        known.first_seen_at,
        known.last_changed_at,

        known.credit_limit,
        known.balance as customer_balance
    from known
    cross join today
    union all by name
    select
        unknown.customer_id,
        unknown_name(unknown.customer_id) as customer_name,
        today.currency,
        false as is_active,
        false as is_deleted,
        false as is_known
    from unknown
    cross join today
)

select * from customers
