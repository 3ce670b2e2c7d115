-- One row if the last run's key was refused, and per list that it may not read.
-- severity: error
select
    if(
        kind = 'KeyRefused',
        'P4 Books refused the API key',
        'The API key may not read ' || list_name
    ) as title,
    if(
        kind = 'KeyRefused',
        'P4 Books rechazó la clave de API',
        'La clave de API no puede leer ' || list_name
    ) as title_es,
    coalesce(list_name, 'all') as key,
    any_value(sentence order by place) as detail
from ops.faults
where kind in ('KeyRefused', 'RightMissing')
group by kind, list_name
