-- What an invoice that changed is now is what the return has of it.
with

changes as (
    select
        month_on,
        invoice_id,
        box,
        currency,
        sum(base_now) as base,
        sum(tax_now) as tax,
        count(*) = count(base_now) and count(*) = count(tax_now) as is_known
    from reporting.changes_after_filing
    group by month_on, invoice_id, box, currency
),

differences as (
    select
        changes.month_on,
        changes.invoice_id,
        changes.box,
        changes.currency,
        changes.base - if(items.box is null, 0, items.base) as base_difference,
        changes.tax - if(items.box is null, 0, items.tax) as tax_difference
    from changes
    left join reporting.itbms_return_items as items
        on
            changes.month_on = items.month_on
            and changes.invoice_id = items.invoice_id
            and changes.box = items.box
            and changes.currency = items.currency
    where changes.is_known
)

select * from differences
where base_difference <> 0 or tax_difference <> 0
