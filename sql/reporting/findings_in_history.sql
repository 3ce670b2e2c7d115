-- One row per id that P4 Books gave to another record.
-- key: rule, entity, entity_id, place
-- published: no
with

versions as (
    select
        document_type as entity,
        document_id as entity_id,
        document_code as code,
        valid_from,
        valid_to,
        first_seen_at
    from core.document_versions
    union all
    select
        'customer' as entity,
        customer_id as entity_id,
        customer_code as code,
        valid_from,
        valid_to,
        first_seen_at
    from staging.customers_history
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        vendor_code as code,
        valid_from,
        valid_to,
        first_seen_at
    from staging.vendors_history
    union all
    select
        'product' as entity,
        product_id as entity_id,
        product_code as code,
        valid_from,
        valid_to,
        first_seen_at
    from staging.products_history
),

-- Only an id with a version that is closed can have been used again.
closed as (
    select
        entity,
        entity_id
    from versions
    where valid_to is not null
    group by entity, entity_id
),

reused as (
    select
        versions.entity,
        versions.entity_id
    from versions
    semi join closed
        on versions.entity = closed.entity and versions.entity_id = closed.entity_id
    group by versions.entity, versions.entity_id
    having min(versions.first_seen_at) < max(versions.first_seen_at)
),

records as (
    select
        versions.entity,
        versions.entity_id,
        versions.first_seen_at,
        coalesce(arg_max(versions.code, versions.valid_from), '(no code)') as code,
        max(coalesce(versions.valid_to, 'infinity')) as last_seen_at
    from versions
    semi join reused
        on versions.entity = reused.entity and versions.entity_id = reused.entity_id
    group by versions.entity, versions.entity_id, versions.first_seen_at
),

described as (
    select
        entity,
        entity_id,
        first_seen_at,
        if(
            isfinite(last_seen_at),
            in_both(
                '{} until {}',
                '{} hasta el {}',
                [code, strftime(last_seen_at, '%Y-%m-%d')]
            ),
            in_both(
                '{} since {}',
                '{} desde el {}',
                [code, strftime(first_seen_at, '%Y-%m-%d')]
            )
        ) as sentence
    from records
),

findings as (
    select
        'id used again' as rule,
        'note' as severity,
        entity,
        entity_id,
        '' as place,
        string_agg(in_english(sentence), ', ' order by first_seen_at) as detail,
        string_agg(in_spanish(sentence), ', ' order by first_seen_at) as detail_es
    from described
    group by entity, entity_id
)

select * from findings
