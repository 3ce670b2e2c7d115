-- By currency.
with

ours as (
    select
        currency,
        if(count(*) = count(committed_out), sum(committed_out), null) as cash_out
    from reporting.cash_forecast
    group by all
),

theirs as (
    select
        currency,
        if(count(*) = count(purchase_order_total), sum(purchase_order_total), null)
            as cash_out
    from core.fct_purchase_order
    where is_open
    group by all
),

compared as (
    select
        coalesce(ours.currency, theirs.currency) as currency,
        ours.cash_out,
        theirs.cash_out as source_cash_out
    from ours
    full join theirs
        on
            ours.currency = theirs.currency
    where
        ours.cash_out <> theirs.cash_out
        or (ours.currency is null and theirs.cash_out <> 0)
        or (theirs.currency is null and ours.cash_out <> 0)
)

select * from compared
