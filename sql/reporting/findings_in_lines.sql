-- One row per finding in a line of an invoice or order.
-- key: rule, entity, entity_id, place
-- published: no
with

invoice_lines as (
    select * from core.fct_invoice_line
),

document_lines as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        line_number,
        product_id,
        line_net
    from staging.invoice_lines
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        line_number,
        product_id,
        line_net
    from staging.sales_order_lines
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        line_number,
        product_id,
        line_net
    from staging.purchase_order_lines
),

known_products as (
    select product_id from core.dim_product
    where is_known
),

unknown_product as (
    select
        'unknown product' as rule,
        'error' as severity,
        document_lines.entity,
        document_lines.entity_id,
        format('line {}', document_lines.line_number) as place,
        format('there is no product {}', document_lines.product_id) as detail
    from document_lines
    anti join known_products
        on document_lines.product_id = known_products.product_id
    where document_lines.product_id is not null
),

no_subtotal as (
    select
        'line without subtotal' as rule,
        'warning' as severity,
        entity,
        entity_id,
        format('line {}', line_number) as place,
        'its net is computed from quantity, price and discount' as detail
    from document_lines
    where line_net is null
),

unknown_tax_code as (
    select
        if(tax_code = '(none)', 'no tax code', 'unknown tax code') as rule,
        'warning' as severity,
        'invoice' as entity,
        invoice_id as entity_id,
        format('line {}', line_number) as place,
        format(
            'no rate of {} is known for {}: the tax is shown as charged, {}',
            tax_code, document_on, line_tax::varchar
        ) as detail
    from invoice_lines
    where not is_known_rate and not is_difference
),

tax_boxes as (
    select * from core.tax_boxes
),

days_of_codes as (
    select
        tax_code,
        document_on
    from invoice_lines
    where is_live and is_known_rate
    group by tax_code, document_on
),

-- Of rates that are in use only.
no_box as (
    select
        if(tax_boxes.box = '(none)', 'no box', 'assumed box') as rule,
        if(tax_boxes.box = '(none)', 'warning', 'note') as severity,
        'tax code' as entity,
        tax_boxes.tax_code as entity_id,
        if(
            tax_boxes.valid_from > date '0001-01-01', tax_boxes.valid_from::varchar, ''
        ) as place,
        case
            when tax_boxes.box <> '(none)'
                then
                    format(
                        'it is in box {} of the ITBMS return, that of its rate',
                        tax_boxes.box
                    )
            when tax_boxes.own_box is not null
                then
                    format(
                        'itbms_boxes.csv has no box {} for sales', tax_boxes.own_box
                    )
            else 'tax_rates.csv names no box of the ITBMS return for it'
        end as detail
    from tax_boxes
    semi join days_of_codes
        on
            tax_boxes.tax_code = days_of_codes.tax_code
            and tax_boxes.valid_from <= days_of_codes.document_on
            and tax_boxes.valid_to >= days_of_codes.document_on
    where tax_boxes.box is distinct from tax_boxes.own_box
),

taxes as (
    select * from core.fct_invoice_tax
    where tax_code = '(none)' or box = '(none)'
),

-- Tax codes without a rate, by what was charged.
charged as (
    select
        tax_code,
        count(*) as invoice_count,
        sum(net) as net,
        sum(tax) as tax
    from core.fct_invoice_tax
    where tax_rate is null and tax_code <> '(none)' and net <> 0
    group by tax_code
),

charged_against_name as (
    select
        'rate is not that of its name' as rule,
        'warning' as severity,
        'tax code' as entity,
        tax_code as entity_id,
        'charged' as place,
        format(
            'the tax charged is {} of {}, but what it is called is taxed at {} %',
            tax::varchar, net::varchar, round(rate_by_name(tax_code) * 100)::integer
        ) as detail
    from charged
    where
        not is_tax_at_rate(tax, net, rate_by_name(tax_code), 2 * invoice_count)
),

boxes_of_sales as (
    select box from staging.itbms_boxes
    where filled_with = 'sales'
),

assumed_box as (
    select
        'assumed box' as rule,
        'note' as severity,
        'invoice' as entity,
        taxes.invoice_id as entity_id,
        '' as place,
        format(
            '{} without a tax code is in box {} of the ITBMS return, as its tax is {}',
            taxes.net::varchar, taxes.box, taxes.tax::varchar
        ) as detail
    from taxes
    semi join boxes_of_sales on taxes.box = boxes_of_sales.box
),

-- What is missing in the totals of the return, and so in the tax to pay.
tax_without_box as (
    select
        'tax without a box' as rule,
        'error' as severity,
        'invoice' as entity,
        invoice_id as entity_id,
        tax_code as place,
        format(
            'its tax of {} is in no box of the ITBMS return, nor in its totals: {}',
            tax::varchar,
            if(
                tax_code = '(none)',
                'correct it, or the tax codes of its lines, in P4 Books',
                'tax_rates.csv needs its rate, and a box that itbms_boxes.csv has'
            )
        ) as detail
    from taxes
    where box = '(none)' and tax <> 0
),

findings as (
    select * from unknown_product
    union all
    select * from no_subtotal
    union all
    select * from unknown_tax_code
    union all
    select * from no_box
    union all
    select * from assumed_box
    union all
    select * from tax_without_box
    union all
    select * from charged_against_name
)

select * from findings
