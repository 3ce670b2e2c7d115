-- A customer was won, or won back, once more than it lapsed if three months have not
-- passed since the month of its last invoice, else as often.
-- partition: customer_id
with

sides as (
    select
        customer_id,
        case lifecycle_stage
            when 'returning' then 0
            when 'lapsed' then -1
            else 1
        end as won
    from reporting.customer_lifecycle
    union all by name
    select
        invoices.customer_id,
        if(
            last_day(max(invoices.document_on) + interval 3 months)
            > any_value(as_of.as_of_on),
            -1,
            0
        ) as won
    from core.fct_invoice as invoices
    cross join core.as_of as as_of
    where
        invoices.is_live
        and not invoices.is_credit_note
        and invoices.customer_id <> '(none)'
        and invoices.document_on between '1990-01-01' and as_of.as_of_on
    group by invoices.customer_id
)

select
    customer_id,
    sum(won) as difference
from sides
group by customer_id
having sum(won) <> 0
