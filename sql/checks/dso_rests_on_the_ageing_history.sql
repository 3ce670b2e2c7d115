-- What is owed at each month end.
with

ours as (
    select
        month_end_on,
        currency,
        if(count(*) = count(receivables), sum(receivables), null) as receivables
    from reporting.dso
    group by all
),

theirs as (
    select
        month_end_on,
        currency,
        if(count(*) = count(balance), sum(balance), null) as receivables
    from reporting.ar_aging_history
    group by all
),

compared as (
    select
        coalesce(ours.month_end_on, theirs.month_end_on) as month_end_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.receivables,
        theirs.receivables as source_receivables
    from ours
    full join theirs
        on
            ours.month_end_on = theirs.month_end_on
            and ours.currency = theirs.currency
    where
        ours.receivables <> theirs.receivables
        or (ours.month_end_on is null and theirs.receivables <> 0)
        or (theirs.month_end_on is null and ours.receivables <> 0)
)

select * from compared
