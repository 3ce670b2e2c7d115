-- One row per customer, not deleted, without an invoice in the last 90 days, or ever.
-- key: customer_id
-- partition: customer_id
-- section: Customers
-- order: last_sold_on desc nulls last, customer_id
-- question: Which customers stopped buying, and how do we reach them?
-- query: select customer_name, phone, last_sold_on, days_since_sale, invoices_lifetime
--   from reporting.inactive_customers
--   where is_active order by days_since_sale limit 20
with

today as (
    select * from core.today
),

customers as (
    select * from core.dim_customer
    where is_known and not is_deleted
),

sales as (
    select
        customer_id,
        max(document_on) as last_sold_on,
        count(*) as invoices_lifetime
    from reporting.customer_sales
    where is_sale
    group by customer_id
)

select
    customers.customer_id,

    customers.customer_code,
    customers.customer_name,
    customers.phone,
    customers.email,

    customers.is_active,

    customers.first_seen_at,
    sales.last_sold_on,

    today.as_of_on - sales.last_sold_on as days_since_sale,
    coalesce(sales.invoices_lifetime, 0) as invoices_lifetime
from customers
left join sales on customers.customer_id = sales.customer_id
cross join today
where coalesce(sales.last_sold_on < today.as_of_on - 90, true)
