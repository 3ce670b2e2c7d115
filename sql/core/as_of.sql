-- One row: the instant and the day the figures are as of, and how fresh each list is.
-- key: tenant
-- question: As of when are these figures?
-- query: select as_of_on, current_to, verified_to from core.as_of
with

as_of as (
    select * from raw.as_of
),

runs as (
    select * from raw.runs
),

fresh as (
    select
        endpoint,
        max_by(coalesce(current_to, started_at), run_id)
        filter (where complete or current_to is not null) as current_to,
        max_by(started_at, run_id) filter (where complete) as verified_to,
        not bool_or(complete) and max(held) = 0 as is_missing
    from runs
    group by endpoint
),

pivoted as (
    select
        -- lists whose first copy is not whole yet: nothing of them is in any figure
        coalesce(
            string_agg(endpoint, ', ' order by endpoint) filter (where is_missing), ''
        ) as missing_lists,
        min(current_to) as current_to,
        min(verified_to) as verified_to,
        min(current_to) filter (where endpoint = 'products') as products_current_to,
        min(verified_to) filter (where endpoint = 'products') as products_verified_to,
        min(current_to) filter (where endpoint = 'customers') as customers_current_to,
        min(verified_to) filter (where endpoint = 'customers') as customers_verified_to,
        min(current_to) filter (where endpoint = 'vendors') as vendors_current_to,
        min(verified_to) filter (where endpoint = 'vendors') as vendors_verified_to,
        min(current_to) filter (where endpoint = 'invoices') as invoices_current_to,
        min(verified_to) filter (where endpoint = 'invoices') as invoices_verified_to,
        min(current_to) filter (where endpoint = 'purchase_orders')
            as purchase_orders_current_to,
        min(verified_to) filter (where endpoint = 'purchase_orders')
            as purchase_orders_verified_to,
        min(current_to) filter (where endpoint = 'sales_orders')
            as sales_orders_current_to,
        min(verified_to) filter (where endpoint = 'sales_orders')
            as sales_orders_verified_to
    from fresh
),

one_row as (
    select
        as_of.tenant,
        as_of.timezone,
        as_of.currency,

        as_of.as_of_on,
        as_of.as_of_at,
        as_of.history_since,
        pivoted.*
    from as_of
    cross join pivoted
)

select * from one_row
