-- One row per later version of a document: what changed, from what, to what, and when.
-- key: document_type, document_id, seen_at
-- partition: document_id, invoice_id, sales_order_id, purchase_order_id, id
-- section: Trust
-- order: seen_at desc, document_type, document_id
-- period: seen_at
-- question: Which documents were changed, and which of them after they were posted?
-- query: select seen_at, document_code, changed_fields, changed_from, changed_to
--   from reporting.document_changes where is_changed_after_posting
--   order by seen_at desc limit 20
with

versions as (
    select * from core.document_versions
),

changed as (
    select
        document_type,
        document_id,
        first_seen_at
    from versions
    group by document_type, document_id, first_seen_at
    having count(*) > 1
),

-- Lines are compared as P4 Books sent them, by a hash of their text: staging has the
-- current lines only.
lines as (
    select
        'invoice' as document_type,
        id_text(id) as document_id,
        _dlt_valid_from as valid_from,
        md5(lines) as lines_hash
    from raw.invoices
    union all
    select
        'sales order' as document_type,
        id_text(id) as document_id,
        _dlt_valid_from as valid_from,
        md5(lines) as lines_hash
    from raw.sales_orders
    union all
    select
        'purchase order' as document_type,
        id_text(id) as document_id,
        _dlt_valid_from as valid_from,
        md5(lines) as lines_hash
    from raw.purchase_orders
),

with_lines as (
    select
        versions.*,
        coalesce(lines.lines_hash, '') as lines_hash
    from versions
    semi join changed
        on
            versions.document_type = changed.document_type
            and versions.document_id = changed.document_id
            and versions.first_seen_at = changed.first_seen_at
    left join lines
        on
            versions.document_type = lines.document_type
            and versions.document_id = lines.document_id
            and versions.valid_from = lines.valid_from
),

-- Each field as text, in the order in which changes are listed.
as_text as (
    select
        document_type,
        document_id,
        document_code,
        first_seen_at,
        valid_from,
        valid_to,
        status_word(status) as word,
        [
            'code', 'party', 'status', 'currency', 'document date', 'due date',
            'posting date', 'net', 'tax', 'total', 'paid', 'balance', 'lines'
        ] as field_names,
        [
            document_code, party_id, status, currency, document_on::varchar,
            due_on::varchar, posted_on::varchar, net::varchar, tax::varchar,
            total::varchar, amount_paid::varchar, balance::varchar,
            'as of ' || strftime(valid_from, '%Y-%m-%d %H:%M:%S')
        ] as words,
        lines_hash
    from with_lines
),

pairs as (
    select
        *,
        lag(words) over version_order as words_before,
        lag(lines_hash) over version_order as lines_hash_before,
        lag(word) over version_order as word_before,
        lag(valid_to) over version_order as valid_to_before
    from as_text
    window version_order as (
        partition by document_type, document_id, first_seen_at order by valid_from
    )
),

compared as (
    select
        *,
        list_filter(
            range(1, 14),
            lambda place:
            if(
                place = 13,
                lines_hash <> lines_hash_before,
                words[place] is distinct from words_before[place]
            )
        ) as places
    from pairs
    where words_before is not null
),

named as (
    select
        document_type,
        document_id,

        document_code,
        if(
            len(places) > 0 or valid_to_before < valid_from,
            array_to_string(
                list_transform(places, lambda place: field_names[place]), ', '
            ),
            'other fields'
        ) as changed_fields,
        array_to_string(
            list_transform(
                places,
                lambda place:
                field_names[place] || ': ' || coalesce(words_before[place], '(nothing)')
            ),
            '; '
        ) as changed_from,
        array_to_string(
            list_transform(
                places,
                lambda place:
                field_names[place] || ': ' || coalesce(words[place], '(nothing)')
            ),
            '; '
        ) as changed_to,

        valid_to_before < valid_from as is_returned,
        -- A payment does not change what was posted: it changes the amount paid, the
        -- balance, and the status, unless that goes back to draft or becomes void.
        document_type = 'invoice'
        and coalesce(word_before not in ('draft', 'void'), true)
        and (
            coalesce(word in ('draft', 'void'), false)
            or len(list_filter(places, lambda place: place not in (3, 11, 12))) > 0
        ) as is_changed_after_posting,

        valid_from as seen_at
    from compared
)

select * from named
