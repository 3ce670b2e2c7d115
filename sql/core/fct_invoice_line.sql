-- One row per invoice line, plus a line 0 if the header's net differs from their sum.
-- key: invoice_id, line_number
-- partition: invoice_id
-- question: What was sold, at which price and with which tax?
-- query: select product_id, sum(quantity) as quantity, sum(line_net) as net
--   from core.fct_invoice_line where is_live
--   group by product_id order by net desc limit 10
with

invoices as (
    select * from core.fct_invoice
),

lines as (
    select * from staging.invoice_lines
),

rates as (
    select * from staging.tax_rates
),

multiplied as (
    select
        *,
        case
            when line_net is null or (discount > 0 and discount <= 100)
                then in_full(quantity, unit_price)
        end as price_in_full
    from lines
),

-- P4 Books does not say whether a discount is an amount or a percentage. The one that
-- yields the line's own net is taken, or else the amount.
less_amount as (
    select
        *,
        full_as_money(price_in_full - coalesce(discount, 0)) as net_less_amount
    from multiplied
),

less_share as (
    -- Amounts below 10,000 are computed in 18 digits, as in full_as_money.
    select
        *,
        case
            when net_less_amount <> line_net and abs(price_in_full) < 10000
                then
                    as_money(
                        price_in_full::decimal(18, 12)::decimal(18, 6)
                        * (100 - discount)::decimal(9, 6) * 0.01
                    )
            when net_less_amount <> line_net
                then
                    as_money(
                        try_cast(price_in_full as decimal(26, 6))
                        * (100 - discount)::decimal(9, 6) * 0.01
                    )
        end as net_less_share
    from less_amount
),

decided as (
    select
        *,
        coalesce(
            abs(net_less_share::decimal(19, 2) - line_net) <= 0.01
            and abs(net_less_share::decimal(19, 2) - line_net)
            < abs(net_less_amount::decimal(19, 2) - line_net),
            false
        ) as is_share
    from less_share
),

netted as (
    select
        invoice_id,
        line_number,
        product_id,

        line_description,
        tax_code,

        quantity,
        unit_price,
        if(
            is_share,
            money_minus(full_as_money(price_in_full), net_less_share),
            as_money(discount)
        ) as discount,
        coalesce(line_net, net_less_amount, 0) as line_net
    from decided
),

sums as (
    select
        invoice_id,
        min(line_number) as first_number,
        sum(line_net) as lines_net
    from netted
    group by invoice_id
),

excess as (
    -- The header's excess over its lines is in every sum, under no product.
    select
        invoices.invoice_id,
        -- line 0, unless the lines are numbered from 0
        greatest(
            least(coalesce(sums.first_number, 1), 1), -1000000000000000000
        ) as first_number,
        invoices.invoice_subtotal - coalesce(sums.lines_net, 0) as net
    from invoices
    left join sums on invoices.invoice_id = sums.invoice_id
    where
        invoices.invoice_subtotal <> coalesce(sums.lines_net, 0)
        or (sums.invoice_id is null and invoices.invoice_tax <> 0)
),

pieces as (
    -- One line, unless the amount is too large for the type of one line's net.
    select
        *,
        unnest(
            range(
                (greatest(abs(net) * 100 - 1, 0)::hugeint // 999999999999999999)::bigint
                + 1
            )
        ) as piece
    from excess
),

differences as (
    select
        invoice_id,
        first_number - 1 - piece as line_number,
        greatest(
            least(net - sign(net) * piece * 9999999999999999.99, 9999999999999999.99),
            -9999999999999999.99
        )::decimal(18, 2) as line_net
    from pieces
),

all_lines as (
    select
        *,
        false as is_difference
    from netted
    union all by name
    select
        invoice_id,
        line_number,
        line_net,
        true as is_difference
    from differences
),

coded as (
    select
        all_lines.invoice_id,
        all_lines.line_number,
        invoices.customer_id,
        coalesce(all_lines.product_id, '(none)') as product_id,

        all_lines.line_description,
        invoices.currency,
        coalesce(nullif(code_key(all_lines.tax_code), ''), '(none)') as tax_code,

        invoices.is_live,
        invoices.is_credit_note,
        all_lines.is_difference,

        invoices.document_on,

        invoices.invoice_tax,
        all_lines.quantity,
        all_lines.unit_price,
        all_lines.discount,
        all_lines.line_net
    from all_lines
    inner join invoices on all_lines.invoice_id = invoices.invoice_id
),

rated as (
    select
        coded.*,
        rates.tax_rate,
        tax_at_rate(coded.line_net, rates.tax_rate) as tax_by_rate
    from coded
    left join rates
        on
            coded.tax_code = rates.tax_code
            and coded.document_on >= rates.valid_from
            and coded.document_on <= coalesce(rates.valid_to, date '9999-12-31')
),

-- If the rate of a tax code is unknown, its tax is what the header charged beyond the
-- known codes, shared among such lines by their net so that no cent is lost.
charged as (
    select
        invoice_id,
        as_money(any_value(invoice_tax) - coalesce(sum(tax_by_rate), 0)) as tax_left,
        sum(line_net) filter (where tax_rate is null) as net_left
    from rated
    group by invoice_id
    having count(*) > count(tax_rate)
),

steps as (
    select
        rated.invoice_id,
        rated.line_number,
        charged.tax_left,
        charged.net_left,
        sum(rated.line_net) over upto as net_upto,
        row_number() over upto as place,
        count(*) over (partition by rated.invoice_id) as places
    from rated
    inner join charged on rated.invoice_id = charged.invoice_id
    where rated.tax_rate is null
    window upto as (
        partition by rated.invoice_id order by rated.line_number
        rows between unbounded preceding and current row
    )
),

shares as (
    select
        invoice_id,
        line_number,
        case
            when place = places then tax_left
            when net_left = 0 then 0
            else
                coalesce(
                    as_money(tax_left * (net_upto / net_left)), 0
                )
        end as tax_upto
    from steps
),

unknown_tax as (
    select
        invoice_id,
        line_number,
        as_money(
            tax_upto::decimal(19, 2) - coalesce(
                lag(tax_upto) over (partition by invoice_id order by line_number), 0
            )
        ) as line_tax
    from shares
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
        rated.product_id,
        rated.document_on
    from rated
    semi join later_prices on rated.product_id = later_prices.product_id
    group by rated.product_id, rated.document_on
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
        rated.invoice_id,
        rated.line_number,
        rated.customer_id,
        rated.product_id,

        rated.line_description,
        rated.currency,
        rated.tax_code,

        rated.is_live,
        rated.is_credit_note,
        rated.is_difference,
        rated.tax_rate is not null as is_known_rate,

        rated.document_on,

        rated.tax_rate,
        rated.quantity,
        rated.unit_price,
        rated.discount,
        -- a product's prices are in the tenant's currency
        case
            when rated.currency = first_prices.currency and prices_on.from_on is null
                then first_prices.list_price
            when rated.currency = first_prices.currency then prices_on.list_price
        end as list_price,
        case
            when rated.currency = first_prices.currency and prices_on.from_on is null
                then first_prices.unit_cost
            when rated.currency = first_prices.currency then prices_on.unit_cost
        end as unit_cost,
        rated.line_net,
        coalesce(rated.tax_by_rate, unknown_tax.line_tax) as line_tax
    from rated
    left join unknown_tax
        on
            rated.invoice_id = unknown_tax.invoice_id
            and rated.line_number = unknown_tax.line_number
    left join first_prices on rated.product_id = first_prices.product_id
    left join prices_on
        on
            rated.product_id = prices_on.product_id
            and rated.document_on = prices_on.document_on
)

select * from finished
