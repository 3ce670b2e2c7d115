-- Net and quantity, by customer and month.
with

ours as (
    select
        customer_id,
        month_on,
        currency,
        if(count(*) = count(net), sum(net), null) as net,
        if(count(*) = count(quantity), sum(quantity), null) as quantity
    from reporting.sales_by_customer
    group by all
),

theirs as (
    select
        customer_id,
        date_trunc('month', document_on)::date as month_on,
        currency,
        if(count(*) = count(line_net), sum(line_net), null) as net,
        sum(quantity) as quantity
    from core.fct_invoice_line
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.customer_id, theirs.customer_id) as customer_id,
        coalesce(ours.month_on, theirs.month_on) as month_on,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.net,
        theirs.net as source_net,
        ours.quantity,
        theirs.quantity as source_quantity
    from ours
    full join theirs
        on
            ours.customer_id = theirs.customer_id
            and ours.month_on = theirs.month_on
            and ours.currency = theirs.currency
    where
        ours.net <> theirs.net
        or (ours.customer_id is null and theirs.net <> 0)
        or (theirs.customer_id is null and ours.net <> 0)
        or ours.quantity <> theirs.quantity
        or (ours.customer_id is null and theirs.quantity <> 0)
        or (theirs.customer_id is null and ours.quantity <> 0)
)

select * from compared
