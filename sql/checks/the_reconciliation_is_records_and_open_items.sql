-- A customer's record has one balance, in its own currency.
with

items as (
    select
        items.customer_id,
        sum(items.balance) as balance
    from reporting.ar_open_items as items
    inner join core.dim_customer as customers
        on
            items.customer_id = customers.customer_id
            and items.currency = customers.currency
    where customers.is_known
    group by items.customer_id
),

odd as (
    select
        customers.customer_id,
        compared.customer_balance,
        customers.customer_balance as source_customer_balance,
        compared.invoices_balance,
        items.balance as source_invoices_balance
    from core.dim_customer as customers
    left join items on customers.customer_id = items.customer_id
    left join reporting.customer_balance_reconciliation as compared
        on customers.customer_id = compared.customer_id
    where
        customers.is_known
        and (not customers.is_deleted or items.balance <> 0)
        and (
            compared.customer_id is null
            or compared.customer_balance <> customers.customer_balance
            or compared.invoices_balance <> coalesce(items.balance, 0)
        )
)

select * from odd
