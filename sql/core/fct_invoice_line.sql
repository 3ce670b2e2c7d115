-- One row per invoice line, plus a line 0 if the header's net differs from their sum.
-- key: invoice_id, line_number
-- partition: invoice_id
-- period: document_on
-- question: What was sold, at which price and with which tax?
-- query: select product_id, sum(quantity) as quantity, sum(line_net) as net
--   from core.fct_invoice_line where is_live
--   group by product_id order by net desc limit 10
with

documents as (
    select
        invoice_id,
        customer_id,
        currency,
        is_live,
        is_credit_note,
        document_on,
        tax_on,
        invoice_subtotal,
        invoice_tax
    from core.fct_invoice
),

lines as (
    select * from staging.invoice_lines
),

rates as (
    select * from staging.tax_rates
),

taxed as (
    select * from taxed_lines(documents, lines, rates)
),

-- List price and cost of a product on each day: the last version of that day; before
-- history began, the first version.
price_versions as (
    select
        products.product_id,
        if(
            row_number() over (
                partition by products.product_id order by products.valid_from
            ) = 1,
            date '-infinity',
            local_day(products.valid_from, today.timezone)
        ) as from_on,
        products.valid_from,
        products.list_price,
        products.unit_cost,
        today.currency
    from staging.products_history as products
    cross join core.today as today
),

prices as (
    select
        product_id,
        from_on,
        any_value(currency) as currency,
        arg_max_null(list_price, valid_from) as list_price,
        arg_max_null(unit_cost, valid_from) as unit_cost
    from price_versions
    group by product_id, from_on
),

-- Most products have one price, which needs no search by day. The others are searched
-- once for all lines of a day.
first_prices as (
    select * from prices
    where from_on = date '-infinity'
),

later_prices as (
    select * from prices
    where from_on > date '-infinity'
),

sale_days as (
    select
        taxed.product_id,
        taxed.document_on
    from taxed
    semi join later_prices on taxed.product_id = later_prices.product_id
    group by taxed.product_id, taxed.document_on
),

prices_on as (
    select
        sale_days.*,
        later_prices.from_on,
        later_prices.list_price,
        later_prices.unit_cost
    from sale_days
    asof inner join later_prices
        on
            sale_days.product_id = later_prices.product_id
            and sale_days.document_on >= later_prices.from_on
),

finished as (
    select
        taxed.invoice_id,
        taxed.line_number,
        taxed.customer_id,
        taxed.product_id,

        taxed.line_description,
        taxed.currency,
        taxed.tax_code,

        taxed.is_live,
        taxed.is_credit_note,
        taxed.is_difference,
        taxed.tax_rate is not null as is_known_rate,

        taxed.document_on,
        taxed.tax_on,

        taxed.tax_rate,
        taxed.quantity,
        taxed.unit_price,
        taxed.discount,
        -- a product's prices are in the tenant's currency
        case
            when taxed.currency = first_prices.currency and prices_on.from_on is null
                then first_prices.list_price
            when taxed.currency = first_prices.currency then prices_on.list_price
        end as list_price,
        case
            when taxed.currency = first_prices.currency and prices_on.from_on is null
                then first_prices.unit_cost
            when taxed.currency = first_prices.currency then prices_on.unit_cost
        end as unit_cost,
        taxed.line_net,
        taxed.line_tax
    from taxed
    left join first_prices on taxed.product_id = first_prices.product_id
    left join prices_on
        on
            taxed.product_id = prices_on.product_id
            and taxed.document_on = prices_on.document_on
)

select * from finished
