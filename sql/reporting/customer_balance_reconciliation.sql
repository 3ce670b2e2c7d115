-- One row per customer: balance on the record compared with open invoices.
-- key: customer_id
-- section: Receivables and cash
-- order: abs(difference) desc nulls last, customer_id
-- total: customer_balance, invoices_balance, difference
-- question: Does the balance on a customer's record agree with its open invoices?
-- query: select customer_name, customer_balance, invoices_balance, difference
--   from reporting.customer_balance_reconciliation where difference <> 0
with

customers as (
    select * from core.dim_customer
    where is_known
),

items as (
    select * from reporting.ar_open_items
),

sums as (
    -- The record has one balance, in the customer's own currency.
    select
        customers.customer_id,
        count(items.invoice_id) filter (where items.currency = customers.currency)
            as documents,
        count(items.invoice_id) filter (where items.currency <> customers.currency)
            as documents_in_other_currencies,
        coalesce(
            sum(items.balance) filter (where items.currency = customers.currency), 0
        ) as invoices_balance
    from customers
    left join items on customers.customer_id = items.customer_id
    group by customers.customer_id
),

compared as (
    select
        customers.customer_id,

        customers.customer_code,
        customers.customer_name,
        customers.currency,

        customers.is_deleted,
        customers.customer_balance = sums.invoices_balance as is_reconciled,

        sums.documents,
        sums.documents_in_other_currencies,

        customers.customer_balance,
        as_money(sums.invoices_balance) as invoices_balance,
        as_money(customers.customer_balance - sums.invoices_balance) as difference
    from customers
    inner join sums on customers.customer_id = sums.customer_id
    where not customers.is_deleted or sums.invoices_balance <> 0
)

select * from compared
