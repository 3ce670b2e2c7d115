-- By currency: what is due later, and what is overdue.
with

ours as (
    select
        currency,
        if(
            count(*) = count(expected_in + overdue_in::decimal(38, 2)),
            sum(expected_in + overdue_in::decimal(38, 2)),
            null
        ) as cash_in
    from reporting.cash_forecast
    group by all
),

theirs as (
    select
        currency,
        if(count(*) = count(balance), sum(balance), null) as cash_in
    from reporting.ar_open_items
    group by all
),

compared as (
    select
        coalesce(ours.currency, theirs.currency) as currency,
        ours.cash_in,
        theirs.cash_in as source_cash_in
    from ours
    full join theirs
        on
            ours.currency = theirs.currency
    where
        ours.cash_in <> theirs.cash_in
        or (ours.currency is null and theirs.cash_in <> 0)
        or (theirs.currency is null and ours.cash_in <> 0)
)

select * from compared
