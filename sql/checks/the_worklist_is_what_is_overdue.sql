-- Whom to call, and for how much.
with

ours as (
    select
        customer_id,
        currency,
        if(count(*) = count(overdue), sum(overdue), null) as overdue,
        if(count(*) = count(balance), sum(balance), null) as balance
    from reporting.collections_worklist
    group by all
),

theirs as (
    select
        customer_id,
        currency,
        if(count(*) = count(overdue), sum(overdue), null) as overdue,
        if(count(*) = count(balance), sum(balance), null) as balance
    from reporting.ar_aging
    where overdue > 0
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.overdue,
        theirs.overdue as source_overdue,
        ours.balance,
        theirs.balance as source_balance
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.currency = theirs.currency
    where
        ours.overdue <> theirs.overdue
        or (ours.customer_id is null and theirs.overdue <> 0)
        or (theirs.customer_id is null and ours.overdue <> 0)
        or ours.balance <> theirs.balance
        or (ours.customer_id is null and theirs.balance <> 0)
        or (theirs.customer_id is null and ours.balance <> 0)
)

select * from compared
