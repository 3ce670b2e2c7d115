-- The month that is not over is measured at the as-of instant.
with

ours as (
    select
        customer_id,
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        if(count(*) = count(overdue), sum(overdue), null) as overdue
    from reporting.ar_aging
    group by all
),

theirs as (
    select
        customer_id,
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        if(count(*) = count(overdue), sum(overdue), null) as overdue
    from reporting.ar_aging_history
    where
        month_end_on = (select max(months.month_end_on) from core.month_ends as months)
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.balance,
        theirs.balance as source_balance,
        ours.overdue,
        theirs.overdue as source_overdue
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.currency = theirs.currency
    where
        ours.balance <> theirs.balance
        or (ours.customer_id is null and theirs.balance <> 0)
        or (theirs.customer_id is null and ours.balance <> 0)
        or ours.overdue <> theirs.overdue
        or (ours.customer_id is null and theirs.overdue <> 0)
        or (theirs.customer_id is null and ours.overdue <> 0)
)

select * from compared
