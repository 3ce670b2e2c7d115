-- Net per month and currency.
with

sides as (
    select
        month_on,
        currency,
        ordered,
        invoiced
    from reporting.order_intake
    union all by name
    select
        date_trunc('month', document_on)::date as month_on,
        currency,
        -sales_order_subtotal as ordered,
        0 as invoiced
    from core.fct_sales_order
    where is_live
    union all by name
    select
        month_on,
        currency,
        0 as ordered,
        -net as invoiced
    from reporting.sales_by_month
)

select
    month_on,
    currency,
    sum(ordered) as ordered_difference,
    sum(invoiced) as invoiced_difference
from sides
group by all
having
    (count(*) = count(ordered) and sum(ordered) <> 0)
    or (count(*) = count(invoiced) and sum(invoiced) <> 0)
