-- One row per customer whose open balance is above its credit limit.
-- severity: warning
select
    'Over the credit limit: ' || coalesce(customer_name, customer_id) as title,
    'Sobre el límite de crédito: ' || coalesce(customer_name, customer_id) as title_es,
    customer_id as key,
    'Balance ' || balance::varchar || ' ' || currency || ', limit '
    || credit_limit::varchar || '.' as detail,
    'Saldo ' || balance::varchar || ' ' || currency || ', límite '
    || credit_limit::varchar || '.' as detail_es
from reporting.ar_aging
where is_over_limit
