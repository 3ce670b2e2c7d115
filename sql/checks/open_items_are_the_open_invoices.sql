-- Balance and total of open invoices, per currency.
-- partition: invoice_id
with

sides as (
    select
        currency,
        balance,
        total
    from reporting.ar_open_items
    union all by name
    select
        currency,
        -balance as balance,
        -invoice_total as total
    from core.fct_invoice
    where is_open
)

select
    currency,
    sum(balance) as balance_difference,
    sum(total) as total_difference
from sides
group by all
having
    (count(*) = count(balance) and sum(balance) <> 0)
    or (count(*) = count(total) and sum(total) <> 0)
