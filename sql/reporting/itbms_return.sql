-- One row per month, currency and box of Form 430: the sales half, returns negative.
-- key: month_on, currency, box
-- section: ITBMS
-- order: month_on desc, currency, box
-- period: month_on
-- question: What goes into the month's ITBMS return, and what must we fill in?
-- query: select box, tax_box, box_label, base, tax, filled_by, due_on, pay_by_on
--   from reporting.itbms_return order by month_on desc, currency, box limit 15
with

today as (
    select * from core.today
),

forms as (
    select * from staging.itbms_boxes
),

items as (
    select * from reporting.itbms_return_items
),

days as (
    select * from core.dim_date
),

holidays as (
    select * from raw.holidays
),

withheld as (
    select
        month_on,
        currency,
        sum(documents) as documents,
        if(count(*) = count(expected_withholding), sum(expected_withholding), null)
            as tax
    from reporting.withholding_expected
    group by month_on, currency
),

-- Returns are filed in the tenant's currency.
filed_months as (
    select
        filed.month_on,
        filed.form,
        filed.filed_on,
        today.currency
    from core.filed_months as filed
    cross join today
),

-- If a return was filed twice, the amounts of the second time.
filed as (
    select
        months.month_on,
        months.currency,
        amounts.box,
        amounts.amount_filed
    from filed_months as months
    inner join staging.filed_returns as amounts
        on
            months.form = amounts.form
            and months.month_on = amounts.month_on
            and months.filed_on = amounts.filed_on
),

first_days as (
    select min(document_on) as day_on from core.fct_invoice
    where document_on >= first_plausible_day()
    union all
    select min(month_on) as day_on from filed_months
    where month_on >= first_plausible_day()
),

-- A return is filed for a month without sales as well.
months_so_far as (
    select
        unnest(
            generate_series(
                month_of(min(first_days.day_on)),
                month_of(today.as_of_on),
                interval 1 month
            )
        )::date as month_on,
        today.currency
    from first_days
    cross join today
    group by today.as_of_on, today.currency
),

months as (
    select * from months_so_far
    union
    select
        month_on,
        currency
    from items
    union
    select
        month_on,
        currency
    from withheld
    union
    select
        month_on,
        currency
    from filed_months
),

-- Days on which the return is due, outside the calendar.
other_due_days as (
    select itbms_due(months.month_on) as due_on
    from months
    anti join days on itbms_due(months.month_on) = days.day_on
    group by itbms_due(months.month_on)
),

other_days as (
    select unnest(generate_series(due_on, due_on + 366, interval 1 day))::date as day_on
    from other_due_days
),

other_business_days as (
    select day_on from business_days(other_days, holidays)
    where is_business_day
),

pay_days as (
    select
        day_on,
        next_business_on
    from days
    union all
    select
        other_due_days.due_on as day_on,
        min(other_business_days.day_on) as next_business_on
    from other_due_days
    inner join other_business_days
        on other_due_days.due_on <= other_business_days.day_on
    group by other_due_days.due_on
),

by_box as (
    select
        month_on,
        currency,
        box,
        count(*) as documents,
        if(count(*) = count(base), sum(base), null) as base,
        if(count(*) = count(tax), sum(tax), null) as tax
    from items
    group by month_on, currency, box
),

-- An invoice may be in several boxes of sales, and counts once in their total.
by_kind as (
    select
        items.month_on,
        items.currency,
        forms.filled_with,
        count(distinct items.invoice_id) as documents,
        if(count(*) = count(items.base), sum(items.base), null) as base,
        if(count(*) = count(items.tax), sum(items.tax), null) as tax
    from items
    inner join forms on items.box = forms.box
    group by items.month_on, items.currency, forms.filled_with
),

parts_of_totals (total_of, filled_with) as (
    values ('sales total', 'sales'), ('debit', 'sales'), ('debit', 'returns')
),

addends as (
    select * from by_box
    union all by name
    select
        by_kind.month_on,
        by_kind.currency,
        forms.box,
        by_kind.documents,
        by_kind.base,
        by_kind.tax
    from by_kind
    inner join parts_of_totals on by_kind.filled_with = parts_of_totals.filled_with
    inner join forms on parts_of_totals.total_of = forms.filled_with
    union all by name
    select
        withheld.month_on,
        withheld.currency,
        forms.box,
        withheld.documents,
        0 as base,
        withheld.tax
    from withheld
    inner join forms on forms.filled_with = 'withholding'
),

sums as (
    select
        month_on,
        currency,
        box,
        sum(documents) as documents,
        if(count(*) = count(base), sum(base), null) as base,
        if(count(*) = count(tax), sum(tax), null) as tax
    from addends
    group by month_on, currency, box
),

-- Every box of the form in each month, and lines whose tax code has no box.
boxes as (
    select
        months.month_on,
        months.currency,
        forms.*
    from months
    cross join forms
    union all by name
    select
        sums.month_on,
        sums.currency,
        sums.box,
        'Sin casilla: corrija las líneas en P4 Books, o tax_rates.csv' as label_es,
        'Without a box: correct the lines in P4 Books, or tax_rates.csv' as label_en
    from sums
    anti join forms on sums.box = forms.box
),

-- What was withheld before history began is not known.
filled as (
    select
        boxes.*,
        case
            when sums.box is not null then true
            when boxes.filled_with = 'withholding'
                then
                    boxes.month_on >= month_of(
                        local_day(today.history_since, today.timezone)
                    )
            else boxes.filled_with is not null
        end as is_known,
        sums.box is null as is_empty,
        sums.documents,
        sums.base,
        sums.tax
    from boxes
    left join sums
        on
            boxes.month_on = sums.month_on
            and boxes.currency = sums.currency
            and boxes.box = sums.box
    cross join today
),

finished as (
    select
        filled.box,

        filled.tax_box,
        filled.label_es as box_label,
        filled.label_en as box_label_en,
        filled.currency,
        if(filled.filled_with is null, 'yours', 'ours') as filled_by,
        filled.certainty,

        filled.month_on,
        itbms_due(filled.month_on) as due_on,
        pay_days.next_business_on as pay_by_on,
        filed_months.filed_on,

        if(filled.is_known, coalesce(filled.documents, 0), null)::bigint as documents,

        case
            when coalesce(filled.filled_with in ('debit', 'withholding'), false)
                then null
            when filled.is_known and filled.is_empty then 0
            else as_money(filled.base)
        end as base,
        case
            when filled.is_known and filled.is_empty then 0
            else as_money(filled.tax)
        end as tax,
        base_filed.amount_filed as base_filed,
        tax_filed.amount_filed as tax_filed
    from filled
    left join pay_days on itbms_due(filled.month_on) = pay_days.day_on
    left join filed_months
        on
            filled.month_on = filed_months.month_on
            and filled.currency = filed_months.currency
    left join filed as base_filed
        on
            filled.month_on = base_filed.month_on
            and filled.currency = base_filed.currency
            and filled.box = base_filed.box
            and filled.box is distinct from filled.tax_box
    left join filed as tax_filed
        on
            filled.month_on = tax_filed.month_on
            and filled.currency = tax_filed.currency
            and filled.tax_box = tax_filed.box
)

select * from finished
