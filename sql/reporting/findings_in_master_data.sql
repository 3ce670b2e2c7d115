-- One row per finding in products, customers, vendors and seeds, or in a whole list.
-- key: rule, entity, entity_id, place
-- published: no
with

as_of as (
    select * from core.as_of
),

codes as (
    select
        'product' as entity,
        product_id as entity_id,
        product_code as code,
        product_status as status
    from staging.products_history
    where valid_to is null
    union all
    select
        'customer' as entity,
        customer_id as entity_id,
        customer_code as code,
        customer_status as status
    from staging.customers_history
    where valid_to is null
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        vendor_code as code,
        vendor_status as status
    from staging.vendors_history
    where valid_to is null
),

unknown_status as (
    select
        'unknown status' as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        in_both(
            'the status {} is taken as active',
            'el estado {} se toma como activo',
            [status]
        ) as sentence
    from codes
    where status_word(status) = ''
),

doubled_code as (
    select * from doubled_codes(codes)
),

tax_ids as (
    select
        'customer' as entity,
        customer_id as entity_id,
        tax_id
    from staging.customers_history
    where valid_to is null
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        tax_id
    from staging.vendors_history
    where valid_to is null
),

wrong_check_digits as (
    select
        'wrong check digits' as rule,
        'warning' as severity,
        entity,
        entity_id,
        'tax_id' as place,
        in_both(
            'DV {} does not fit {}: it is {}',
            'el DV {} no corresponde a {}: es {}',
            [given_dv, ruc, replace(expected_dv, ' or ', ' / ')]
        ) as sentence
    from wrong_check_digits(tax_ids)
),

unknown_withholder as (
    select
        'unknown customer in withholding_customers.csv' as rule,
        'warning' as severity,
        'seed' as entity,
        coalesce(listed.customer_code, '') as entity_id,
        coalesce(listed.valid_from::varchar, '') as place,
        in_both(
            'no customer has this code', 'ningún cliente tiene este código', null
        ) as sentence
    from raw.withholding_customers as listed
    anti join core.dim_customer as customers
        on code_key(listed.customer_code) = code_key(customers.customer_code)
),

unknown_certified as (
    select
        'unknown customer in withholding_certificates.csv' as rule,
        'warning' as severity,
        'seed' as entity,
        listed.customer_code as entity_id,
        listed.certificate_number as place,
        in_both(
            'no customer has this code', 'ningún cliente tiene este código', null
        ) as sentence
    from staging.withholding_certificates as listed
    anti join core.dim_customer as customers
        on listed.customer_code = code_key(customers.customer_code)
),

-- A row of itbms_boxes.csv may stand for several boxes, such as 22-47.
known_boxes as (
    select
        unnest([box, tax_box]) as box,
        try_cast(split_part(box, '-', 1) as integer) as first_box,
        try_cast(split_part(box, '-', 2) as integer) as last_box
    from staging.itbms_boxes
),

unknown_box as (
    select
        'unknown box in filed_returns.csv' as rule,
        'warning' as severity,
        'seed' as entity,
        filed.box as entity_id,
        format('{} {}', strftime(filed.month_on, '%Y-%m'), filed.filed_on) as place,
        in_both(
            'itbms_boxes.csv has no such box, so its amount is not compared',
            'itbms_boxes.csv no tiene esa casilla, así que su monto no se compara',
            null
        ) as sentence
    from staging.filed_returns as filed
    anti join known_boxes
        on
            filed.box = known_boxes.box
            or try_cast(filed.box as integer) between known_boxes.first_box
            and known_boxes.last_box
    where filed.box <> '(none)'
),

-- Of the rates that are valid after the last change of the law, in July 2010.
rate_against_name as (
    select
        'rate is not that of its name' as rule,
        'warning' as severity,
        'tax code' as entity,
        tax_code as entity_id,
        if(valid_from > date '0001-01-01', valid_from::varchar, '') as place,
        in_both(
            'tax_rates.csv has {} %, but what it is called is taxed at {} %',
            'tax_rates.csv tiene {} %, pero por su nombre se grava al {} %',
            [
                round(tax_rate * 100)::integer::varchar,
                round(rate_by_name(tax_code) * 100)::integer::varchar
            ]
        ) as sentence
    from staging.tax_rates
    where
        coalesce(valid_to >= date '2010-07-01', true)
        and tax_rate <> rate_by_name(tax_code)
),

-- Values that do not fit the type of their column, and fields that have no column.
misfit as (
    select
        if(
            findings.id is null, 'field without a column', 'value does not fit'
        ) as rule,
        if(findings.id is null, 'note', 'error') as severity,
        replace(rtrim(findings.endpoint, 's'), '_', ' ') as entity,
        coalesce(id_text(findings.id), '') as entity_id,
        findings.field as place,
        if(
            findings.value is null,
            in_both('it is kept in extra', 'se conserva en extra', null),
            in_both(findings.value, findings.value, null)
        ) as sentence
    from raw.findings as findings
    cross join as_of
    where
        findings.valid_to is null
        and coalesce(findings.valid_from <= as_of.as_of_at, true)
),

missing_list as (
    select
        'list not copied yet' as rule,
        'error' as severity,
        'list' as entity,
        unnest(string_split(missing_lists, ', ')) as entity_id,
        '' as place,
        in_both(
            'its first copy goes on: nothing of it is in any figure',
            'su primera copia continúa: nada de ella está en ninguna cifra',
            null
        ) as sentence
    from as_of
    where missing_lists <> ''
),

findings as (
    select * from doubled_code
    union all
    select * from unknown_status
    union all
    select * from wrong_check_digits
    union all
    select * from unknown_withholder
    union all
    select * from unknown_certified
    union all
    select * from unknown_box
    union all
    select * from rate_against_name
    union all
    select * from misfit
    union all
    select * from missing_list
)

select
    * exclude (sentence),
    in_english(sentence) as detail,
    in_spanish(sentence) as detail_es
from findings
