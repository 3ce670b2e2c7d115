-- One row per push with records of which it is not known whether P4 Books created them.
-- severity: error
select
    'Push ' || push_id || ': ' || unknown_records || ' unknown in ' || list_name
        as title,
    'Carga ' || push_id || ': ' || unknown_records || ' por aclarar en ' || list_name
        as title_es,
    push_id::varchar as key,
    'No response says whether they were created. Push the same file again: it looks '
    || 'for them first. `p4books pushes ' || push_id || '` lists them.' as detail,
    'Ninguna respuesta dice si se crearon. Vuelva a enviar el mismo archivo: primero '
    || 'los busca. `p4books pushes ' || push_id || '` los muestra.' as detail_es
from ops.pushes
where unknown_records > 0 and not is_running
