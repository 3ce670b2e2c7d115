-- One row per filed month, invoice, box and currency that differs from what was filed.
-- key: form, month_on, invoice_id, first_seen_at, box, currency
-- partition: invoice_id, id
-- section: ITBMS
-- order: month_on desc, seen_at desc, invoice_id, first_seen_at, box, currency
-- period: seen_at
-- total: base_effect, tax_effect
-- question: What changed in a month after its ITBMS return was filed?
-- query: select month_on, invoice_code, change_kind, box, base_effect, tax_effect
--   from reporting.changes_after_filing order by month_on desc, seen_at desc
with

months as (
    select * from core.filed_months
),

versions as (
    select * from core.fct_invoice_history
),

rates as (
    select * from staging.tax_rates
),

tax_boxes as (
    select * from core.tax_boxes
),

forms as (
    select * from staging.itbms_boxes
),

customers as (
    select * from core.dim_customer
),

-- The version of each invoice that was in the month when it was filed, and the one that
-- is in it now, unless it is the same. What was filed before history began is compared
-- with the first copy.
sides as (
    select
        months.form,
        months.month_on,
        months.compared_at,
        'before' as side,
        versions.*
    from months
    inner join versions
        on
            months.month_on = month_of(versions.tax_on)
            and months.compared_at >= versions.valid_from
            and months.compared_at < versions.valid_to
    where versions.is_live
    union all
    select
        months.form,
        months.month_on,
        months.compared_at,
        'now' as side,
        versions.*
    from months
    inner join versions
        on
            months.month_on = month_of(versions.tax_on)
            and months.compared_at < versions.valid_from
    where versions.is_live and versions.valid_to is null
),

-- What each invoice was when the month was filed, since then, and what it is now.
records as (
    select
        form,
        month_on,
        compared_at,
        invoice_id,
        first_seen_at
    from sides
    group by all
),

states as (
    select
        records.form,
        records.month_on,
        records.compared_at,
        versions.*,
        records.compared_at >= versions.valid_from
        and records.compared_at < coalesce(versions.valid_to, 'infinity') as is_then,
        versions.valid_to is null as is_now,
        versions.is_live
        and month_of(versions.tax_on) = records.month_on as is_in_month
    from records
    inner join versions
        on
            records.invoice_id = versions.invoice_id
            and records.first_seen_at = versions.first_seen_at
),

-- The boxes of these versions. A version takes the place of an invoice here.
documents as (
    select
        (invoice_id, valid_from) as invoice_id,
        any_value(document_on) as document_on,
        any_value(is_credit_note) as is_credit_note,
        any_value(invoice_subtotal) as invoice_subtotal,
        any_value(invoice_tax) as invoice_tax
    from states
    where is_in_month and coalesce(valid_to > compared_at, true)
    group by invoice_id, valid_from
),

texts as (
    select
        (id_text(invoices.id), invoices._dlt_valid_from) as document_id,
        invoices.lines
    from raw.invoices as invoices
    semi join documents
        on (id_text(invoices.id), invoices._dlt_valid_from) = documents.invoice_id
),

lines as (
    select
        document_id as invoice_id,
        * exclude (document_id)
    from lines_of(texts)
),

taxed as (
    select * from taxed_lines(documents, lines, rates)
),

by_code as (
    select * from tax_by_code(taxed, documents)
),

described as (
    select
        by_code.*,
        documents.document_on,
        documents.is_credit_note
    from by_code
    inner join documents on by_code.invoice_id = documents.invoice_id
),

boxed as (
    select * from boxes_of(described, tax_boxes, forms)
),

amounts as (
    select
        invoice_id,
        box,
        if(count(*) = count(net), as_money(sum(net)), null) as base,
        if(count(*) = count(tax), as_money(sum(tax)), null) as tax
    from boxed
    group by invoice_id, box
),

-- Each box, currency and invoice with the amounts of both versions.
compared as (
    select
        sides.form,
        sides.month_on,
        sides.invoice_id,
        sides.first_seen_at,
        amounts.box,
        sides.currency,
        bool_and(sides.side = 'before') as is_out,
        bool_and(sides.side = 'now') as is_in,
        any_value(amounts.base) filter (where sides.side = 'before') as base_before,
        any_value(amounts.tax) filter (where sides.side = 'before') as tax_before,
        any_value(amounts.base) filter (where sides.side = 'now') as base_now,
        any_value(amounts.tax) filter (where sides.side = 'now') as tax_now
    from sides
    inner join amounts
        on (sides.invoice_id, sides.valid_from) = amounts.invoice_id
    group by all
),

-- A box that only one of the versions has was empty in the other.
filled as (
    select
        * replace (
            if(is_in, 0, base_before) as base_before,
            if(is_in, 0, tax_before) as tax_before,
            if(is_out, 0, base_now) as base_now,
            if(is_out, 0, tax_now) as tax_now
        )
    from compared
),

differing as (
    select * from filled
    where
        base_before is distinct from base_now
        or tax_before is distinct from tax_now
),

-- The amounts of an invoice in a month, version by version; none while it was gone.
box_lists as (
    select
        invoice_id,
        list((box, base, tax) order by box) as boxes
    from amounts
    where base is distinct from 0 or tax is distinct from 0
    group by invoice_id
),

steps as (
    select
        states.form,
        states.month_on,
        states.compared_at,
        states.invoice_id,
        states.first_seen_at,
        states.valid_from as seen_at,
        if(
            box_lists.boxes is null, null, (states.currency, box_lists.boxes)
        ) as amounts
    from states
    left join box_lists
        on
            states.is_in_month
            and (states.invoice_id, states.valid_from) = box_lists.invoice_id
    where coalesce(states.valid_to > states.compared_at, true)
    union all by name
    select
        form,
        month_on,
        compared_at,
        invoice_id,
        first_seen_at,
        valid_to as seen_at
    from states
    qualify
        valid_to > compared_at
        and coalesce(
            lead(valid_from) over (
                partition by form, month_on, invoice_id, first_seen_at
                order by valid_from
            ) > valid_to,
            true
        )
),

steps_in_order as (
    select
        *,
        lag(amounts) over (
            partition by form, month_on, invoice_id, first_seen_at order by seen_at
        ) as amounts_before
    from steps
),

last_changes as (
    select
        form,
        month_on,
        invoice_id,
        first_seen_at,
        max(seen_at) as seen_at
    from steps_in_order
    where amounts is distinct from amounts_before and seen_at > compared_at
    group by form, month_on, invoice_id, first_seen_at
),

fates as (
    select
        form,
        month_on,
        invoice_id,
        first_seen_at,
        arg_max(customer_id, valid_from) as customer_id,
        arg_max(invoice_code, valid_from) as invoice_code,
        arg_max(document_on, valid_from) as document_on,
        arg_max(tax_on, valid_from) as tax_on,
        any_value(if(is_then and is_live, tax_on, null)) as tax_on_before,
        bool_or(is_then and is_void) as was_void,
        bool_or(is_then and is_draft) as was_draft,
        bool_or(valid_from <= compared_at) as was_known,
        bool_or(is_now) as is_held,
        bool_or(is_now and is_void) as is_void,
        bool_or(is_now and is_draft) as is_draft
    from states
    group by form, month_on, invoice_id, first_seen_at
),

-- A rectification is possible once, within twelve months; after 90 days it costs a fine
-- (DGI, questions and answers). The days are counted from the first return.
named as (
    select
        differing.form,
        differing.invoice_id,
        fates.customer_id,

        differing.box,
        fates.invoice_code,
        customers.customer_name,
        case
            when
                month_of(fates.tax_on_before) <> differing.month_on
                then 'dated into the month'
            when fates.tax_on_before is null and fates.was_draft then 'issued'
            when fates.tax_on_before is null and fates.was_void then 'no longer void'
            when fates.tax_on_before is null and fates.was_known then 'restored'
            when fates.tax_on_before is null then 'new'
            when not fates.is_held then 'deleted'
            when fates.is_void then 'voided'
            when fates.is_draft then 'set back to draft'
            when
                month_of(fates.tax_on) <> differing.month_on
                then 'dated out of the month'
            else 'changed'
        end as change_kind,
        differing.currency,

        months.is_filed_before_history,
        months.is_rectified,

        differing.month_on,
        months.filed_on,
        fates.document_on,
        fates.tax_on_before,
        fates.tax_on,
        differing.first_seen_at,
        last_changes.seen_at,
        (months.first_filed_on + interval 12 months)::date as rectify_until_on,

        if(
            months.is_rectified,
            0,
            greatest(
                (months.first_filed_on + interval 12 months)::date - months.as_of_on, 0
            )
        ) as days_left,
        if(
            months.is_rectified,
            0,
            greatest(months.first_filed_on + 90 - months.as_of_on, 0)
        ) as days_left_without_fine,

        as_money(differing.base_before) as base_before,
        as_money(differing.tax_before) as tax_before,
        as_money(differing.base_now) as base_now,
        as_money(differing.tax_now) as tax_now,
        money_minus(differing.base_now, differing.base_before) as base_effect,
        money_minus(differing.tax_now, differing.tax_before) as tax_effect
    from differing
    inner join fates
        on
            differing.form = fates.form
            and differing.month_on = fates.month_on
            and differing.invoice_id = fates.invoice_id
            and differing.first_seen_at = fates.first_seen_at
    left join last_changes
        on
            differing.form = last_changes.form
            and differing.month_on = last_changes.month_on
            and differing.invoice_id = last_changes.invoice_id
            and differing.first_seen_at = last_changes.first_seen_at
    inner join months
        on differing.form = months.form and differing.month_on = months.month_on
    left join customers on fates.customer_id = customers.customer_id
)

select * from named
