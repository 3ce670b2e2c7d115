-- One row per field that P4 Books added and that no column holds.
-- severity: info
-- recovers: no
select
    'New field: ' || list_name || '.' || field as title,
    'Campo nuevo: ' || list_name || '.' || field as title_es,
    list_name || '.' || field as key,
    'It is kept in `extra`. `p4books adopt ' || list_name || '.' || field
    || '` turns it into a column.' as detail,
    'Se conserva en `extra`. `p4books adopt ' || list_name || '.' || field
    || '` lo convierte en una columna.' as detail_es
from ops.unknown_fields
