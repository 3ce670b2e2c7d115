-- Base and tax of live invoices, by month, code and currency.
with

ours as (
    select
        month_on,
        tax_code,
        currency,
        if(
            count(*) = count(taxable_base + exempt_base::decimal(38, 2)),
            sum(taxable_base + exempt_base::decimal(38, 2)),
            null
        ) as base,
        if(count(*) = count(tax), sum(tax), null) as tax
    from reporting.itbms_by_month
    group by all
),

theirs as (
    select
        date_trunc('month', document_on)::date as month_on,
        tax_code,
        currency,
        if(count(*) = count(line_net), sum(line_net), null) as base,
        if(count(*) = count(line_tax), sum(line_tax), null) as tax
    from core.fct_invoice_line
    where is_live
    group by all
),

compared as (
    select
        coalesce(ours.month_on, theirs.month_on) as month_on,
        coalesce(ours.tax_code, theirs.tax_code) as tax_code,
        coalesce(ours.currency, theirs.currency) as currency,
        ours.base,
        theirs.base as source_base,
        ours.tax,
        theirs.tax as source_tax
    from ours
    full join theirs
        on
            ours.month_on = theirs.month_on
            and ours.tax_code = theirs.tax_code
            and ours.currency = theirs.currency
    where
        ours.base <> theirs.base
        or (ours.month_on is null and theirs.base <> 0)
        or (theirs.month_on is null and ours.base <> 0)
        or ours.tax <> theirs.tax
        or (ours.month_on is null and theirs.tax <> 0)
        or (theirs.month_on is null and ours.tax <> 0)
)

select * from compared
