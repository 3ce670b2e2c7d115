-- One row per customer, month of payment and currency without a matching certificate.
-- key: customer_id, month_on, currency
-- section: ITBMS
-- order: month_on desc, missing desc, customer_id, currency
-- period: month_on
-- total: expected_withholding, certified, missing
-- question: Which certificates of ITBMS withheld must we still ask for?
-- query: select month_on, customer_name, expected_withholding, certified, missing
--   from reporting.withholding_missing where missing > 0
--   order by month_on, missing desc
with

today as (
    select * from core.today
),

customers as (
    select * from core.dim_customer
),

-- A code that several customers have is that of the first one.
coded as (
    select
        code_key(customer_code) as code,
        arg_min(customer_id, (is_deleted, customer_id)) as customer_id
    from customers
    where customer_code is not null
    group by code_key(customer_code)
),

-- What was paid before history began is not known, and needs no certificate here; nor
-- does what is paid after the as-of day.
certificates as (
    select
        coded.customer_id,
        currency_or(listed.currency, today.currency) as currency,
        listed.month_on,
        listed.certified
    from staging.withholding_certificates as listed
    inner join coded on listed.customer_code = coded.code
    cross join today
    where
        listed.month_on >= month_of(local_day(today.history_since, today.timezone))
        and listed.month_on <= month_of(today.as_of_on)
),

sides as (
    select
        customer_id,
        currency,
        month_on,
        0 as certificates,
        expected_withholding,
        0 as certified
    from reporting.withholding_expected
    union all by name
    select
        customer_id,
        currency,
        month_on,
        1 as certificates,
        0 as expected_withholding,
        certified
    from certificates
),

months as (
    select
        customer_id,
        currency,
        month_on,
        sum(certificates) as certificates,
        sum(expected_withholding) as expected_withholding,
        sum(certified) as certified
    from sides
    group by customer_id, currency, month_on
    having sum(expected_withholding) <> sum(certified)
),

named as (
    select
        months.customer_id,

        customers.customer_code,
        customers.customer_name,
        customers.tax_id,
        customers.email,
        months.currency,

        months.month_on,
        today.history_since,

        months.certificates::bigint as certificates,

        as_money(months.expected_withholding) as expected_withholding,
        as_money(months.certified) as certified,
        as_money(months.expected_withholding - months.certified) as missing
    from months
    left join customers on months.customer_id = customers.customer_id
    cross join today
)

select * from named
