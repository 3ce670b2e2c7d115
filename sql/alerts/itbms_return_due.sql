-- One row per month whose ITBMS return is due in three days at most, and is not filed.
-- severity: warning
-- recovers: no
with

today as (
    select * from core.today
),

months as (
    select
        month_on,
        any_value(due_on) as due_on,
        any_value(pay_by_on) as pay_by_on,
        any_value(filed_on) as filed_on
    from reporting.itbms_return
    group by month_on
)

select
    'The ITBMS return of ' || strftime(months.month_on, '%Y-%m') || ' is due'
        as title,
    'Vence la declaración de ITBMS de ' || strftime(months.month_on, '%Y-%m')
        as title_es,
    strftime(months.month_on, '%Y-%m') as key,
    'Due on ' || months.due_on || coalesce(', payable by ' || months.pay_by_on, '')
    || '. reporting.itbms_return has its boxes; filed_returns.csv is where to note '
    || 'that it was filed.' as detail,
    'Vence el ' || months.due_on
    || coalesce(', a pagar hasta el ' || months.pay_by_on, '')
    || '. Sus casillas están en reporting.itbms_return; anote en filed_returns.csv '
    || 'que se presentó.' as detail_es
from months
cross join today
where
    months.filed_on is null
    and today.as_of_on between months.due_on - 3
    and coalesce(months.pay_by_on, months.due_on)
