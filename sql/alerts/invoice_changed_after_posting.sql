-- One row per invoice and change of the last seven days that came after posting.
-- severity: warning
-- recovers: no
with

as_of as (
    select * from core.as_of
),

changes as (
    select * from reporting.document_changes
    where is_changed_after_posting
)

select
    'Changed after posting: invoice '
    || coalesce(changes.document_code, changes.document_id) as title,
    'Modificada después de contabilizar: factura '
    || coalesce(changes.document_code, changes.document_id) as title_es,
    changes.document_id || ' ' || epoch_ms(changes.seen_at) as key,
    'Before: ' || changes.changed_from || '. Now: ' || changes.changed_to || '.'
        as detail,
    'Antes: ' || changes.changed_from || '. Ahora: ' || changes.changed_to || '.'
        as detail_es
from changes
cross join as_of
where changes.seen_at > as_of.as_of_at - interval 7 day
