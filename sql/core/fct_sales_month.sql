-- One row per customer, product, month and currency: sales against list and cost.
-- key: customer_id, product_id, month_on, currency
-- partition: customer_id
-- period: month_on
-- question: What did a customer buy below list?
-- query: select customer_id, product_id, month_on, list_price, net
--   from core.fct_sales_month where is_below_list order by month_on desc limit 10
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
        customer_id,
        product_id,
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
        customer_id,
        product_id,

        currency,

        -- by more than the rounding of the lines
        coalesce(net < at_list - rounding, false) and quantity > 0 as is_below_list,
        coalesce(net < at_cost - rounding, false) and quantity > 0 as is_below_cost,

        month_on,

        as_measure(quantity) as quantity,
        as_measure(at_list / nullif(quantity, 0)) as list_price,
        as_measure(at_cost / nullif(quantity, 0)) as unit_cost,
        signed_share(1 - net / nullif(at_list, 0)) as discount_share,
        as_money(discount) as discount,
        as_money(net) as net
    from sums
)

select * from compared
