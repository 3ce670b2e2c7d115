-- One row per check that failed in the last run, so that nothing was published.
-- severity: error
with

failed as (
    select
        regexp_extract(sentence, '^The check `([^`]+)`', 1) as claim,
        sentence
    from ops.faults
    where kind = 'CheckFailed'
)

select
    'Not published, because a check failed: ' || claim as title,
    'No se publicó, porque falló una verificación: ' || claim as title_es,
    claim as key,
    any_value(sentence) as detail
from failed
group by claim
