-- One row per customer and currency, its own or one it trades in: sales, debt, orders.
-- key: customer_id, currency
-- partition: customer_id
-- section: Customers
-- order: net_12_months desc, customer_id, currency
-- total: net_lifetime, net_12_months, balance, overdue, open_orders_total
-- question: What do we know about a customer before we call?
-- query: select customer_name, segment, last_invoice_on, net_12_months, balance,
--   overdue, credit_left, top_product_name
--   from reporting.customer_360 order by net_12_months desc limit 10
with

today as (
    select * from core.today
),

customers as (
    select * from core.dim_customer
),

invoices as (
    select * from reporting.customer_sales
),

sales as (
    select
        invoices.customer_id,
        invoices.currency,
        count(*) filter (where invoices.is_sale) as invoices_lifetime,
        count(*) filter (
            where invoices.is_sale
            and invoices.document_on > today.as_of_on - interval 12 months
        ) as invoices_12_months,
        min(invoices.document_on) filter (where invoices.is_sale) as first_invoice_on,
        max(invoices.document_on) filter (where invoices.is_sale) as last_invoice_on,
        sum(invoices.net) filter (where invoices.is_sale)
        / count(*) filter (where invoices.is_sale) as average_invoice,
        sum(invoices.net) as net_lifetime,
        sum(invoices.net) filter (
            where invoices.document_on > today.as_of_on - interval 12 months
            and invoices.document_on <= today.as_of_on
        ) as net_12_months
    from invoices
    cross join today
    group by invoices.customer_id, invoices.currency
),

receivables as (
    select
        customer_id,
        currency,
        balance,
        overdue
    from reporting.ar_aging
),

orders as (
    select
        customer_id,
        currency,
        count(*) as open_orders,
        sum(sales_order_total) as open_orders_total
    from core.fct_sales_order
    where is_open
    group by customer_id, currency
),

products_bought as (
    select
        customer_id,
        currency,
        product_id,
        sum(net) as net
    from reporting.sales_cube
    where product_id <> '(none)'
    group by customer_id, currency, product_id
    having sum(net) > 0
),

top_products as (
    select
        customer_id,
        currency,
        arg_max(product_id, (net, product_id)) as product_id
    from products_bought
    group by customer_id, currency
),

traded as (
    select
        customer_id,
        currency
    from customers
    where is_known
    union
    select
        customer_id,
        currency
    from sales
    union
    select
        customer_id,
        currency
    from orders
),

joined as (
    select
        traded.customer_id,
        traded.currency,

        customers.customer_code,
        customers.customer_name,
        customers.is_active,
        top_products.product_id as top_product_id,
        products.product_name as top_product_name,

        sales.first_invoice_on,
        sales.last_invoice_on,
        today.as_of_on,

        coalesce(sales.invoices_lifetime, 0) as invoices_lifetime,
        coalesce(sales.invoices_12_months, 0) as invoices_12_months,
        coalesce(orders.open_orders, 0) as open_orders,

        sales.average_invoice,
        coalesce(sales.net_lifetime, 0) as net_lifetime,
        coalesce(sales.net_12_months, 0) as net_12_months,
        if(receivables.customer_id is null, 0, receivables.balance) as balance,
        if(receivables.customer_id is null, 0, receivables.overdue) as overdue,
        coalesce(orders.open_orders_total, 0) as open_orders_total,
        -- A limit is in the customer's own currency and applies to that one only.
        if(traded.currency = customers.currency, customers.credit_limit, null)
            as credit_limit
    from traded
    cross join today
    left join customers on traded.customer_id = customers.customer_id
    left join sales
        on
            traded.customer_id = sales.customer_id
            and traded.currency = sales.currency
    left join receivables
        on
            traded.customer_id = receivables.customer_id
            and traded.currency = receivables.currency
    left join orders
        on
            traded.customer_id = orders.customer_id
            and traded.currency = orders.currency
    left join top_products
        on
            traded.customer_id = top_products.customer_id
            and traded.currency = top_products.currency
    left join core.dim_product as products
        on top_products.product_id = products.product_id
),

finished as (
    select
        customer_id,

        customer_code,
        customer_name,
        currency,
        case
            when first_invoice_on is null then 'never bought'
            when first_invoice_on >= as_of_on - 90 then 'new'
            when last_invoice_on <= as_of_on - interval 12 months then 'lost'
            when last_invoice_on < as_of_on - 90 then 'slipping'
            when invoices_12_months >= 4 then 'regular'
            else 'occasional'
        end as segment,
        top_product_id,
        top_product_name,

        is_active,

        first_invoice_on,
        last_invoice_on,

        as_of_on - last_invoice_on as days_since_sale,
        invoices_lifetime,
        invoices_12_months,
        open_orders,

        as_money(average_invoice) as average_invoice,
        as_money(net_lifetime) as net_lifetime,
        as_money(net_12_months) as net_12_months,
        balance,
        overdue,
        as_money(open_orders_total) as open_orders_total,
        credit_limit,
        -- Open orders are not subtracted: part of them may be invoiced already.
        money_minus(credit_limit, balance) as credit_left
    from joined
)

select * from finished
