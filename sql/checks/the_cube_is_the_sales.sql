-- By month and currency it comes to what the headers say.
with

ours as (
    select
        month_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net
    from reporting.sales_cube
    group by all
),

theirs as (
    select
        month_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net
    from reporting.sales_by_month
    group by all
),

compared as (
    select
        coalesce(ours.month_on, theirs.month_on) as month_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net
    from ours
    full join theirs
        on
            ours.month_on = theirs.month_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.month_on is null and theirs.net <> 0)
        or (theirs.month_on is null and ours.net <> 0)
)

select * from compared
