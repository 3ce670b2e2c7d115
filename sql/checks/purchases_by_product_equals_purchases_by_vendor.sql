-- Net and quantity, per month and currency.
with

sides as (
    select
        month_on,
        currency,
        net,
        quantity
    from reporting.purchases_by_product
    union all by name
    select
        month_on,
        currency,
        -net as net,
        -quantity as quantity
    from reporting.purchases_by_vendor
)

select
    month_on,
    currency,
    sum(net) as net_difference,
    sum(quantity) as quantity_difference
from sides
group by all
having
    (count(*) = count(net) and sum(net) <> 0)
    or (count(*) = count(quantity) and sum(quantity) <> 0)
