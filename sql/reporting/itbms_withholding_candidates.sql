-- One row per customer, month and currency: tax charged and expected withholding.
-- key: customer_id, month_on, currency
-- partition: customer_id
-- section: ITBMS
-- order: month_on desc, tax desc, customer_id, currency
-- period: month_on
-- total: tax, expected_withholding
-- question: Which customers withhold ITBMS, and how much of it?
-- query: select month_on, customer_name, tax, expected_withholding
--   from reporting.itbms_withholding_candidates where is_listed order by month_on desc
with

invoices as (
    select * from core.fct_invoice
    where is_live and customer_id <> '(none)'
),

customers as (
    select * from core.dim_customer
),

listed as (
    select * from core.withholding_customers
),

withheld as (
    -- An invoice with exactly its tax, or half of it, open suggests a withholding.
    select
        invoices.*,
        customers.customer_code,
        customers.customer_name,
        customers.tax_id,
        listed.withholding_share,
        as_money(invoices.invoice_tax::decimal(19, 2) * listed.withholding_share)
            as withholding,
        invoices.is_open
        and invoices.invoice_tax > 0
        and invoices.balance < invoices.invoice_total
        and (
            invoices.balance = invoices.invoice_tax
            -- the half may be rounded up or down
            or abs(invoices.balance::decimal(20, 2) * 2 - invoices.invoice_tax) <= 0.01
        ) as is_short_by_tax
    from invoices
    left join customers on invoices.customer_id = customers.customer_id
    left join listed
        on
            invoices.customer_id = listed.customer_id
            and invoices.tax_on >= listed.valid_from
            and invoices.tax_on <= listed.valid_to
),

months as (
    select
        customer_id,

        any_value(customer_code) as customer_code,
        any_value(customer_name) as customer_name,
        any_value(tax_id) as tax_id,
        currency,

        count(withholding_share) > 0 as is_listed,

        month_of(tax_on) as month_on,

        count(*) as documents,
        count(*) filter (where is_short_by_tax) as documents_short_by_tax,

        max(withholding_share) as withholding_share,
        as_money(sum(invoice_tax)) as tax,
        as_money(coalesce(sum(withholding), 0)) as expected_withholding
    from withheld
    group by customer_id, currency, date_trunc('month', tax_on)
    having sum(invoice_tax) <> 0 or count(withholding_share) > 0
)

select * from months
