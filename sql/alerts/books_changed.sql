-- One row per list of which so many rows became other records that none was loaded.
-- severity: error
with

last_verdicts as (
    select
        list_name,
        arg_max(outcome, run_id) as outcome,
        max(run_id) as run_id
    from ops.readings
    where outcome in ('done', 'TooManyChanged')
    group by list_name
)

select
    'The books changed in mass: ' || list_name as title,
    'Los libros cambiaron en masa: ' || list_name as title_es,
    list_name as key,
    'Most rows became other records, so none was loaded (run ' || run_id
    || '). The key of another company looks the same. If they are the same books, run '
    || '`p4books sync --allow-changed ' || list_name || '`.' as detail,
    'La mayoría de las filas son otros registros: ninguna se cargó (ejecución '
    || run_id || '). La clave de otra empresa se ve igual. Si son los mismos libros, '
    || 'ejecute `p4books sync --allow-changed ' || list_name || '`.' as detail_es
from last_verdicts
where outcome = 'TooManyChanged'
