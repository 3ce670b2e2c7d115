-- One row per finding in one invoice or order, seen from that document alone.
-- key: rule, entity, entity_id, place
-- partition: entity_id, document_id, invoice_id, sales_order_id, purchase_order_id
-- question: Which documents contradict themselves?
-- query: select entity, entity_id, rule, detail from core.document_findings
--   order by entity, entity_id limit 20
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

no_party as (
    select
        'no party' as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        if(
            entity = 'purchase order',
            in_both('it names no vendor', 'no nombra ningún proveedor', null),
            in_both('it names no customer', 'no nombra ningún cliente', null)
        ) as sentence
    from documents
    where party_id is null
),

of_status as (
    select
        if(status is null, 'no status', 'unknown status') as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        if(
            status is null,
            in_both(
                'without a status it is taken as live',
                'sin estado se toma como vigente',
                null
            ),
            in_both(
                'the status {} is taken as live',
                'el estado {} se toma como vigente',
                [status]
            )
        ) as sentence
    from documents
    where
        status is null
        or not list_contains(
            known_words, status_word(status)
        )
),

dated as (
    select
        documents.*,
        today.as_of_on,
        (today.as_of_on + interval 5 years)::date as calendar_until_on
    from documents
    cross join today
),

of_days as (
    select
        'no document date' as rule,
        *
    from dated
    where document_on is null
    union all
    select
        'no due date' as rule,
        *
    from dated
    where due_on is null and entity = 'invoice'
    union all
    select
        'due before document date' as rule,
        *
    from dated
    where due_on < document_on
    union all
    select
        'future date' as rule,
        *
    from dated
    where document_on > as_of_on
    union all
    select
        'date outside the calendar' as rule,
        *
    from dated
    where
        document_on < first_plausible_day()
        or document_on > calendar_until_on
        or due_on < first_plausible_day()
        or due_on > calendar_until_on
),

summed as (
    select
        documents.*,
        line_sums.lines_net
    from documents
    left join line_sums
        on
            documents.entity = line_sums.entity
            and documents.entity_id = line_sums.entity_id
),

of_amounts as (
    select
        'no subtotal' as rule,
        'warning' as severity,
        *
    from summed
    where net is null
    union all
    select
        'no total' as rule,
        'warning' as severity,
        *
    from summed
    where total is null
    union all
    select
        'total is not subtotal and tax' as rule,
        'error' as severity,
        *
    from summed
    where total::decimal(19, 2) <> net::decimal(19, 2) + tax
    union all
    select
        'subtotal is not the sum of lines' as rule,
        'error' as severity,
        *
    from summed
    where net <> coalesce(lines_net, 0)
    union all
    select
        'absurd amount' as rule,
        'error' as severity,
        *
    from summed
    where abs(total::double) >= 1e12 or abs(net::double) >= 1e12
),

balances as (
    select
        invoices.invoice_id,
        invoices.invoice_total,
        invoices.amount_paid,
        invoices.balance,
        facts.is_live,
        facts.is_paid,
        facts.balance as balance_owed
    from invoices
    inner join facts on invoices.invoice_id = facts.invoice_id
),

-- Nothing is owed on a draft or a void invoice, whatever its total.
of_balance as (
    select
        'no balance' as rule,
        'warning' as severity,
        *
    from balances
    where balance is null
    union all
    select
        'no amount paid' as rule,
        'warning' as severity,
        *
    from balances
    where amount_paid is null
    union all
    select
        'balance is not total less paid' as rule,
        'error' as severity,
        *
    from balances
    where
        is_live
        and balance::decimal(19, 2)
        <> invoice_total::decimal(19, 2) - amount_paid
    union all
    select
        'paid with a balance' as rule,
        'error' as severity,
        *
    from balances
    where is_paid and balance_owed <> 0
),

of_tax as (
    -- Each line and the header may be rounded by half a cent.
    select
        'tax is not base times rate' as rule,
        'warning' as severity,
        'invoice' as entity,
        facts.invoice_id as entity_id,
        '' as place,
        in_both(
            'tax {}, by its lines {}',
            'impuesto {}, según sus líneas {}',
            [facts.invoice_tax::varchar, invoice_sums.tax_by_lines::varchar]
        ) as sentence
    from facts
    inner join invoice_sums on facts.invoice_id = invoice_sums.invoice_id
    where
        abs(facts.invoice_tax - invoice_sums.tax_by_lines)
        > 0.005 * (invoice_sums.lines_taxed + 1)
),

posted_later as (
    select
        'posted in another month' as rule,
        'warning' as severity,
        'invoice' as entity,
        invoice_id as entity_id,
        '' as place,
        in_both(
            'document date {}, posting date {}: its ITBMS is in the month of {}',
            'fecha {}, fecha de contabilización {}: su ITBMS está en el mes del {}',
            [document_on::varchar, posted_on::varchar, tax_on::varchar]
        ) as sentence
    from facts
    where is_live and month_of(posted_on) <> month_of(document_on)
),

findings as (
    select * from no_party
    union all
    select * from of_status
    union all
    select
        rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        in_both(
            'document date {}, due {}',
            'fecha {}, vencimiento {}',
            [
                coalesce(document_on::varchar, '(none)'),
                coalesce(due_on::varchar, '(none)')
            ]
        ) as sentence
    from of_days
    union all
    select
        rule,
        severity,
        entity,
        entity_id,
        '' as place,
        in_both(
            'subtotal {}, tax {}, total {}, lines {}',
            'subtotal {}, impuesto {}, total {}, líneas {}',
            [
                coalesce(net::varchar, '(none)'),
                coalesce(tax::varchar, '(none)'),
                coalesce(total::varchar, '(none)'),
                coalesce(lines_net::varchar, '(none)')
            ]
        ) as sentence
    from of_amounts
    union all
    select
        rule,
        severity,
        'invoice' as entity,
        invoice_id as entity_id,
        '' as place,
        in_both(
            'total {}, paid {}, balance {}',
            'total {}, abonado {}, saldo {}',
            [
                coalesce(invoice_total::varchar, '(none)'),
                coalesce(amount_paid::varchar, '(none)'),
                coalesce(balance::varchar, '(none)')
            ]
        ) as sentence
    from of_balance
    union all
    select * from of_tax
    union all
    select * from posted_later
)

select
    * exclude (sentence),
    in_english(sentence) as detail,
    in_spanish(sentence) as detail_es
from findings
