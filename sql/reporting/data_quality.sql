-- One row per finding: what in the books is missing, odd, or contradicts itself.
-- key: rule, entity, entity_id, place
-- order: severity, rule, entity, entity_id, place
-- question: What should be put right in P4 Books?
-- query: select severity, rule, count(*) as findings
--   from reporting.data_quality
--   group by severity, rule order by severity, findings desc
with as_of as (
    select * from core.as_of
),

invoices as (
    select * from staging.invoices
),

facts as (
    select * from core.fct_invoice
),

invoice_lines as (
    select * from core.fct_invoice_line
),

documents as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        invoice_code as code,
        customer_id as party_id,
        invoice_status as status,
        ['draft', 'posted', 'partiallypaid', 'paid', 'void'] as known_words,
        document_on,
        due_on,
        invoice_subtotal as net,
        invoice_tax as tax,
        invoice_total as total
    from invoices
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        sales_order_code as code,
        customer_id as party_id,
        sales_order_status as status,
        [
            'open', 'partiallyfulfilled', 'fulfilled', 'closed', 'cancelled',
            'canceled', 'void', 'draft'
        ] as known_words,
        document_on,
        required_on as due_on,
        sales_order_subtotal as net,
        sales_order_tax as tax,
        sales_order_total as total
    from staging.sales_orders
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        purchase_order_code as code,
        vendor_id as party_id,
        purchase_order_status as status,
        [
            'open', 'partiallyreceived', 'received', 'closed', 'cancelled',
            'canceled', 'void', 'draft'
        ] as known_words,
        document_on,
        expected_on as due_on,
        purchase_order_subtotal as net,
        purchase_order_tax as tax,
        purchase_order_total as total
    from staging.purchase_orders
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

reckoned_lines as (
    select
        'invoice' as entity,
        invoice_id as entity_id,
        line_net
    from invoice_lines
    where not is_difference
    union all
    select
        'sales order' as entity,
        sales_order_id as entity_id,
        line_net
    from core.fct_sales_order_line
    union all
    select
        'purchase order' as entity,
        purchase_order_id as entity_id,
        line_net
    from core.fct_purchase_order_line
),

line_sums as (
    select
        entity,
        entity_id,
        sum(line_net) as lines_net
    from reckoned_lines
    group by entity, entity_id
),

parties as (
    select
        'invoice' as entity,
        customer_id as party_id
    from core.dim_customer
    where is_known
    union all
    select
        'sales order' as entity,
        customer_id as party_id
    from core.dim_customer
    where is_known
    union all
    select
        'purchase order' as entity,
        vendor_id as party_id
    from core.dim_vendor
    where is_known
),

codes as (
    select
        entity,
        entity_id,
        code
    from documents
    union all
    select
        'product' as entity,
        product_id as entity_id,
        product_code as code
    from staging.products
    union all
    select
        'customer' as entity,
        customer_id as entity_id,
        customer_code as code
    from staging.customers
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        vendor_code as code
    from staging.vendors
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

known as (
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
    anti join known on document_lines.product_id = known.product_id
    where document_lines.product_id is not null
),

doubled_code as (
    select
        'doubled code' as rule,
        'warning' as severity,
        entity,
        entity_id,
        '' as place,
        format('{} have the code {}', times, code) as detail
    from (
        select
            *,
            count(*) over (partition by entity, code) as times
        from codes
        where code is not null
    ) as counted
    where times > 1
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
            known_words, regexp_replace(lower(status), '[^a-z]', '', 'g')
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
                    documents.document_on > as_of.as_of_on, 'future date', null
                ),
                if(
                    documents.document_on < date '1990-01-01'
                    or documents.document_on > as_of.as_of_on + interval 5 years
                    or documents.due_on < date '1990-01-01'
                    or documents.due_on > as_of.as_of_on + interval 5 years,
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
    cross join as_of
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
    select
        unnest(
            [
                if(invoices.balance is null, 'no balance', null),
                if(invoices.amount_paid is null, 'no amount paid', null),
                if(
                    invoices.balance::decimal(19, 2)
                    <> invoices.invoice_total::decimal(19, 2) - invoices.amount_paid,
                    'balance is not total less paid', null
                )
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
    -- of a draft, or a void one, nothing is owed, whatever its total
    where facts.is_live
),

of_lines as (
    select
        'line without subtotal' as rule,
        'warning' as severity,
        entity,
        entity_id,
        format('line {}', line_number) as place,
        'its net is reckoned from quantity, price and discount' as detail
    from document_lines
    where line_net is null
),

of_tax_codes as (
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

taxes as (
    select
        invoice_id,
        count(*) as lines_taxed,
        sum(line_tax) as tax_by_lines
    from invoice_lines
    group by invoice_id
),

of_tax as (
    -- Each line, and the header, may be rounded by half a cent.
    select
        'tax is not base times rate' as rule,
        'warning' as severity,
        'invoice' as entity,
        facts.invoice_id as entity_id,
        '' as place,
        format(
            'tax {}, by its lines {}',
            facts.invoice_tax::varchar, taxes.tax_by_lines::varchar
        ) as detail
    from facts
    inner join taxes on facts.invoice_id = taxes.invoice_id
    where
        abs(facts.invoice_tax - taxes.tax_by_lines)
        > 0.005 * (taxes.lines_taxed + 1)
),

of_values as (
    select
        if(
            findings.id is null, 'field without a column', 'value does not fit'
        ) as rule,
        if(findings.id is null, 'note', 'error') as severity,
        replace(rtrim(findings.endpoint, 's'), '_', ' ') as entity,
        coalesce(findings.id, '') as entity_id,
        findings.field as place,
        coalesce(findings.value, 'it is kept in extra') as detail
    from raw.findings as findings
    cross join as_of
    where
        findings.valid_to is null
        and coalesce(findings.valid_from <= as_of.as_of_at, true)
),

of_lists as (
    select
        'list not copied yet' as rule,
        'error' as severity,
        'list' as entity,
        unnest(string_split(missing_lists, ', ')) as entity_id,
        '' as place,
        'its first copy goes on: nothing of it is in any figure' as detail
    from as_of
    where missing_lists <> ''
),

of_withholding as (
    select
        'unknown customer in withholding_customers.csv' as rule,
        'warning' as severity,
        'seed' as entity,
        coalesce(listed.customer_code, '') as entity_id,
        coalesce(listed.valid_from::varchar, '') as place,
        'no customer has this code' as detail
    from raw.withholding_customers as listed
    anti join core.dim_customer as customers
        on upper(trim(listed.customer_code)) = upper(trim(customers.customer_code))
),

findings as (
    select * from of_lists
    union all
    select * from of_withholding
    union all
    select * from unknown_party
    union all
    select * from no_party
    union all
    select * from unknown_product
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
    select * from of_lines
    union all
    select * from of_tax_codes
    union all
    select * from of_tax
    union all
    select * from of_values
)

select * from findings
