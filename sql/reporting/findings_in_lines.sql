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
        in_both(
            'there is no product {}',
            'no existe el producto {}',
            [document_lines.product_id]
        ) as sentence
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
        in_both(
            'its net is computed from quantity, price and discount',
            'su neto se calcula con cantidad, precio y descuento',
            null
        ) as sentence
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
        in_both(
            'no rate of {} is known for {}: the tax is shown as charged, {}',
            'no se conoce tarifa de {} para el {}: se muestra el impuesto cobrado, {}',
            [tax_code, document_on::varchar, line_tax::varchar]
        ) as sentence
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
                    in_both(
                        'it is in box {} of the ITBMS return, that of its rate',
                        'está en la casilla {} de la declaración, la de su tarifa',
                        [tax_boxes.box]
                    )
            when tax_boxes.own_box is not null
                then
                    in_both(
                        'itbms_boxes.csv has no box {} for sales',
                        'itbms_boxes.csv no tiene la casilla {} para ventas',
                        [tax_boxes.own_box]
                    )
            else
                in_both(
                    'tax_rates.csv names no box of the ITBMS return for it',
                    'tax_rates.csv no le da casilla de la declaración de ITBMS',
                    null
                )
        end as sentence
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
        in_both(
            'the tax charged is {} of {}, but what it is called is taxed at {} %',
            'el impuesto cobrado es {} de {}, pero por su nombre se grava al {} %',
            [
                tax::varchar,
                net::varchar,
                round(rate_by_name(tax_code) * 100)::integer::varchar
            ]
        ) as sentence
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
        in_both(
            '{} without a tax code is in box {} of the ITBMS return, as its tax is {}',
            '{} sin código de impuesto está en la casilla {} de la declaración de'
            || ' ITBMS, pues su impuesto es {}',
            [taxes.net::varchar, taxes.box, taxes.tax::varchar]
        ) as sentence
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
        if(
            tax_code = '(none)',
            in_both(
                'its tax of {} is in no box of the ITBMS return, nor in its totals:'
                || ' correct it, or the tax codes of its lines, in P4 Books',
                'su impuesto de {} no está en ninguna casilla de la declaración de'
                || ' ITBMS ni en sus totales: corríjalo en P4 Books, o los códigos de'
                || ' impuesto de sus líneas',
                [tax::varchar]
            ),
            in_both(
                'its tax of {} is in no box of the ITBMS return, nor in its totals:'
                || ' tax_rates.csv needs its rate, and a box that itbms_boxes.csv has',
                'su impuesto de {} no está en ninguna casilla de la declaración de'
                || ' ITBMS ni en sus totales: falta su tarifa en tax_rates.csv, con'
                || ' una casilla que esté en itbms_boxes.csv',
                [tax::varchar]
            )
        ) as sentence
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

select
    * exclude (sentence),
    in_english(sentence) as detail,
    in_spanish(sentence) as detail_es
from findings
