-- A customer's record has one balance, in the customer's own currency.
-- partition: customer_id
with

customers as (
    select * from core.dim_customer
    where is_known
),

reconciliation as (
    select * from reporting.customer_balance_reconciliation
),

sides as (
    select
        customer_id,
        customer_balance,
        invoices_balance,
        1 as copies
    from reconciliation
    union all by name
    -- a deleted customer is listed only if something is open
    select
        customer_id,
        customer_balance,
        0 as invoices_balance,
        -1 as copies
    from customers
    where
        not is_deleted
        or customer_id in (select listed.customer_id from reconciliation as listed)
    union all by name
    select
        customers.customer_id,
        customers.customer_balance,
        -items.balance as invoices_balance,
        0 as copies
    from reporting.ar_open_items as items
    inner join customers
        on
            items.customer_id = customers.customer_id
            and items.currency = customers.currency
)

-- The record's balance is part of the key, so that a missing one is compared too.
select
    customer_id,
    customer_balance,
    sum(copies) as copies,
    sum(invoices_balance) as invoices_balance_difference
from sides
group by all
having
    sum(copies) <> 0
    or (count(*) = count(invoices_balance) and sum(invoices_balance) <> 0)
