-- One row per finding in an invoice or order as a whole.
-- key: rule, entity, entity_id, place
-- published: no
with

today as (
    select * from core.today
),

invoices as (
    select * from staging.invoices_history
    where valid_to is null
),

facts as (
    select * from core.fct_invoice
),

customers as (
    select * from core.dim_customer
    where is_known
),

documents as (
    select
        document_type as entity,
        document_id as entity_id,
        document_code as code,
        party_id,
        status,
        case document_type
            when 'invoice' then ['draft', 'posted', 'partiallypaid', 'paid', 'void']
            when 'sales order'
                then
                    [
                        'open', 'partiallyfulfilled', 'fulfilled', 'closed',
                        'cancelled', 'canceled', 'void', 'draft'
                    ]
            else
                [
                    'open', 'partiallyreceived', 'received', 'closed', 'cancelled',
                    'canceled', 'void', 'draft'
                ]
        end as known_words,
        document_on,
        due_on,
        net,
        tax,
        total
    from core.document_versions
    where valid_to is null
),

invoice_sums as (
    select
        invoice_id,
        count(*) as lines_taxed,
        sum(line_tax) as tax_by_lines,
        sum(line_net) filter (where not is_difference) as lines_net
    from core.fct_invoice_line
    group by invoice_id
),

line_sums as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        lines_net
    from invoice_sums
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        sum(line_net) as lines_net
    from core.fct_sales_order_line
    group by sales_order_id
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        sum(line_net) as lines_net
    from core.fct_purchase_order_line
    group by purchase_order_id
),

parties as (
    select
        'invoice' as entity,
        customer_id as party_id
    from customers
    union all
    select
        'sales order' as entity,
        customer_id as party_id
    from customers
    union all
    select
        'purchase order' as entity,
        vendor_id as party_id
    from core.dim_vendor
    where is_known
),

unknown_party as (
    select
        'unknown party' as rule,
        'error' as severity,
        documents.entity,
        documents.entity_id,
        '' as place,
        format('there is no party {}', documents.party_id) as detail
    from documents
    anti join parties
        on
            documents.entity = parties.entity
            and documents.party_id = parties.party_id
    where documents.party_id is not null
),

no_party as (
    select
        'no party' as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        if(entity = 'purchase order', 'it names no vendor', 'it names no customer')
            as detail
    from documents
    where party_id is null
),

doubled_code as (
    select * from doubled_codes(documents)
),

of_status as (
    select
        if(status is null, 'no status', 'unknown status') as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        coalesce(
            format('the status {} is taken as live', status),
            'without a status it is taken as live'
        ) as detail
    from documents
    where
        status is null
        or not list_contains(
            known_words, status_word(status)
        )
),

of_days as (
    select
        unnest(
            [
                if(documents.document_on is null, 'no document date', null),
                if(
                    documents.due_on is null and documents.entity = 'invoice',
                    'no due date', null
                ),
                if(
                    documents.due_on < documents.document_on,
                    'due before document date', null
                ),
                if(
                    documents.document_on > today.as_of_on, 'future date', null
                ),
                if(
                    documents.document_on < date '1990-01-01'
                    or documents.document_on > today.as_of_on + interval 5 years
                    or documents.due_on < date '1990-01-01'
                    or documents.due_on > today.as_of_on + interval 5 years,
                    'date outside the calendar', null
                )
            ]
        ) as rule,
        'warning' as severity,
        documents.entity,
        documents.entity_id,
        '' as place,
        format(
            'document date {}, due {}',
            coalesce(documents.document_on::varchar, '(none)'),
            coalesce(documents.due_on::varchar, '(none)')
        ) as detail
    from documents
    cross join today
),

of_amounts as (
    select
        unnest(
            [
                if(documents.net is null, 'no subtotal', null),
                if(documents.total is null, 'no total', null),
                if(
                    documents.total::decimal(19, 2)
                    <> documents.net::decimal(19, 2) + documents.tax,
                    'total is not subtotal and tax', null
                ),
                if(
                    documents.net <> coalesce(line_sums.lines_net, 0),
                    'subtotal is not the sum of lines', null
                ),
                if(
                    abs(documents.total::double) >= 1e12
                    or abs(documents.net::double) >= 1e12,
                    'absurd amount', null
                )
            ]
        ) as rule,
        if(starts_with(rule, 'no '), 'warning', 'error') as severity,
        documents.entity,
        documents.entity_id,
        '' as place,
        format(
            'subtotal {}, tax {}, total {}, lines {}',
            coalesce(documents.net::varchar, '(none)'),
            coalesce(documents.tax::varchar, '(none)'),
            coalesce(documents.total::varchar, '(none)'),
            coalesce(line_sums.lines_net::varchar, '(none)')
        ) as detail
    from documents
    left join line_sums
        on
            documents.entity = line_sums.entity
            and documents.entity_id = line_sums.entity_id
),

of_balance as (
    -- Nothing is owed on a draft or a void invoice, whatever its total.
    select
        unnest(
            [
                if(invoices.balance is null, 'no balance', null),
                if(invoices.amount_paid is null, 'no amount paid', null),
                if(
                    facts.is_live
                    and invoices.balance::decimal(19, 2)
                    <> invoices.invoice_total::decimal(19, 2) - invoices.amount_paid,
                    'balance is not total less paid', null
                ),
                if(facts.is_paid and facts.balance <> 0, 'paid with a balance', null)
            ]
        ) as rule,
        if(starts_with(rule, 'no '), 'warning', 'error') as severity,
        'invoice' as entity,
        invoices.invoice_id as entity_id,
        '' as place,
        format(
            'total {}, paid {}, balance {}',
            coalesce(invoices.invoice_total::varchar, '(none)'),
            coalesce(invoices.amount_paid::varchar, '(none)'),
            coalesce(invoices.balance::varchar, '(none)')
        ) as detail
    from invoices
    inner join facts on invoices.invoice_id = facts.invoice_id
),

of_tax as (
    -- Each line and the header may be rounded by half a cent.
    select
        'tax is not base times rate' as rule,
        'warning' as severity,
        'invoice' as entity,
        facts.invoice_id as entity_id,
        '' as place,
        format(
            'tax {}, by its lines {}',
            facts.invoice_tax::varchar, invoice_sums.tax_by_lines::varchar
        ) as detail
    from facts
    inner join invoice_sums on facts.invoice_id = invoice_sums.invoice_id
    where
        abs(facts.invoice_tax - invoice_sums.tax_by_lines)
        > 0.005 * (invoice_sums.lines_taxed + 1)
),

findings as (
    select * from unknown_party
    union all
    select * from no_party
    union all
    select * from doubled_code
    union all
    select * from of_status
    union all
    select * from of_days
    where rule is not null
    union all
    select * from of_amounts
    where rule is not null
    union all
    select * from of_balance
    where rule is not null
    union all
    select * from of_tax
)

select * from findings
