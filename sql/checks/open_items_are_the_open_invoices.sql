-- What is open, by currency.
with

ours as (
    select
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        if(count(*) = count(total), sum(total), null) as total
    from reporting.ar_open_items
    group by all
),

theirs as (
    select
        currency,
        if(count(*) = count(balance), sum(balance), null) as balance,
        if(count(*) = count(invoice_total), sum(invoice_total), null) as total
    from core.fct_invoice
    where is_open
    group by all
),

compared as (
    select
        coalesce(ours.currency, theirs.currency) as currency,
        ours.balance,
        theirs.balance as source_balance,
        ours.total,
        theirs.total as source_total
    from ours
    full join theirs
        on
            ours.currency = theirs.currency
    where
        ours.balance <> theirs.balance
        or (ours.currency is null and theirs.balance <> 0)
        or (theirs.currency is null and ours.balance <> 0)
        or ours.total <> theirs.total
        or (ours.currency is null and theirs.total <> 0)
        or (theirs.currency is null and ours.total <> 0)
)

select * from compared
