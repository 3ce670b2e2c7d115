-- One row per product, customer, month and currency: price against list and cost.
-- key: product_id, customer_id, month_on, currency
-- partition: customer_id
-- section: Sales
-- order: month_on desc, net desc, product_id, customer_id, currency
-- question: Where do we sell below list, or below cost?
-- query: select product_name, customer_name, month_on, list_price, average_price
--   from reporting.price_realisation where is_below_cost order by month_on desc
with

lines as (
    select * from core.fct_invoice_line
    where is_live
),

priced as (
    -- Leaves room for the sum of a million lines; a larger line is unknown.
    select
        *,
        try_cast(in_full(quantity, list_price) as decimal(32, 12))
            as line_at_list,
        try_cast(in_full(quantity, unit_cost) as decimal(32, 12))
            as line_at_cost
    from lines
),

sums as (
    select
        product_id,
        customer_id,
        month_of(document_on) as month_on,
        currency,
        coalesce(sum(quantity), 0) as quantity,
        sum(line_net) as net,
        coalesce(sum(discount), 0) as discount,
        count(*) * 0.005 as rounding,
        -- known only if it is known for every line
        if(count(*) = count(line_at_list), sum(line_at_list), null) as at_list,
        if(count(*) = count(line_at_cost), sum(line_at_cost), null) as at_cost
    from priced
    group by all
),

compared as (
    select
        sums.product_id,
        sums.customer_id,

        products.product_code,
        products.product_name,
        customers.customer_name,
        sums.currency,

        -- by more than the rounding of the lines
        coalesce(sums.net < sums.at_list - sums.rounding, false)
        and sums.quantity > 0 as is_below_list,
        coalesce(sums.net < sums.at_cost - sums.rounding, false)
        and sums.quantity > 0 as is_below_cost,

        sums.month_on,

        as_measure(sums.quantity) as quantity,
        as_measure(sums.at_list / nullif(sums.quantity, 0)) as list_price,
        as_measure(sums.net / nullif(sums.quantity, 0)) as average_price,
        as_measure(sums.at_cost / nullif(sums.quantity, 0)) as unit_cost,
        signed_share(1 - sums.net / nullif(sums.at_list, 0)) as discount_share,
        as_money(sums.discount) as discount,
        as_money(sums.net) as net
    from sums
    left join core.dim_product as products
        on sums.product_id = products.product_id
    left join core.dim_customer as customers
        on sums.customer_id = customers.customer_id
)

select * from compared
