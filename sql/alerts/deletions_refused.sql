-- One row per list of which so many rows are gone that a person must confirm it.
-- severity: error
with

-- A run that reads a part of a list says nothing about it.
last_verdicts as (
    select
        list_name,
        arg_max(outcome, run_id) as outcome,
        max(run_id) as run_id
    from ops.readings
    where is_complete or outcome in ('RowsReplaced', 'TooManyGone')
    group by list_name
)

select
    'Deletions refused in ' || list_name as title,
    'Eliminaciones rechazadas en ' || list_name as title_es,
    list_name as key,
    'So many rows are gone at once that none was closed (run ' || run_id
    || '). If they really were deleted, run `p4books sync --allow-gone ' || list_name
    || '`; if not, the key may lack a right or belong to another company.' as detail,
    'Faltan tantas filas a la vez que ninguna se cerró (ejecución ' || run_id
    || '). Si de verdad se eliminaron, ejecute `p4books sync --allow-gone ' || list_name
    || '`; si no, a la clave le falta un permiso o es de otra empresa.' as detail_es
from last_verdicts
where outcome in ('RowsReplaced', 'TooManyGone')
