-- By customer, and each bucket.
with

ours as (
    select
        customer_id,
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        sum(documents) as documents,
        if(count(*) = count(current_balance), sum(current_balance), null)
            as current_balance,
        if(count(*) = count(days_1_30), sum(days_1_30), null) as days_1_30,
        if(count(*) = count(days_31_60), sum(days_31_60), null) as days_31_60,
        if(count(*) = count(days_61_90), sum(days_61_90), null) as days_61_90,
        if(count(*) = count(days_over_90), sum(days_over_90), null) as days_over_90
    from reporting.ar_aging
    group by all
),

theirs as (
    select
        customer_id,
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        count(*) as documents,
        sum(if(aging_bucket = 'current', balance, 0)) as current_balance,
        sum(if(aging_bucket = '1-30', balance, 0)) as days_1_30,
        sum(if(aging_bucket = '31-60', balance, 0)) as days_31_60,
        sum(if(aging_bucket = '61-90', balance, 0)) as days_61_90,
        sum(if(aging_bucket = '90+', balance, 0)) as days_over_90
    from reporting.ar_open_items
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.balance,
        theirs.balance as source_balance,
        ours.documents,
        theirs.documents as source_documents,
        ours.current_balance,
        theirs.current_balance as source_current_balance,
        ours.days_1_30,
        theirs.days_1_30 as source_days_1_30,
        ours.days_31_60,
        theirs.days_31_60 as source_days_31_60,
        ours.days_61_90,
        theirs.days_61_90 as source_days_61_90,
        ours.days_over_90,
        theirs.days_over_90 as source_days_over_90
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.currency = theirs.currency
    where
        ours.balance <> theirs.balance
        or (ours.customer_id is null and theirs.balance <> 0)
        or (theirs.customer_id is null and ours.balance <> 0)
        or ours.documents <> theirs.documents
        or (ours.customer_id is null and theirs.documents <> 0)
        or (theirs.customer_id is null and ours.documents <> 0)
        or ours.current_balance <> theirs.current_balance
        or (ours.customer_id is null and theirs.current_balance <> 0)
        or (theirs.customer_id is null and ours.current_balance <> 0)
        or ours.days_1_30 <> theirs.days_1_30
        or (ours.customer_id is null and theirs.days_1_30 <> 0)
        or (theirs.customer_id is null and ours.days_1_30 <> 0)
        or ours.days_31_60 <> theirs.days_31_60
        or (ours.customer_id is null and theirs.days_31_60 <> 0)
        or (theirs.customer_id is null and ours.days_31_60 <> 0)
        or ours.days_61_90 <> theirs.days_61_90
        or (ours.customer_id is null and theirs.days_61_90 <> 0)
        or (theirs.customer_id is null and ours.days_61_90 <> 0)
        or ours.days_over_90 <> theirs.days_over_90
        or (ours.customer_id is null and theirs.days_over_90 <> 0)
        or (theirs.customer_id is null and ours.days_over_90 <> 0)
)

select * from compared
