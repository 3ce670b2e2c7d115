-- One row if the last backup is older than two days, or this machine knows of none.
-- severity: warning
with

backups as (
    select
        backups.place,
        backups.backed_up_at,
        strftime(
            timezone(clock.timezone, backups.backed_up_at), '%Y-%m-%d %H:%M'
        ) as backed_up
    from ops.backups as backups
    cross join ops.clock as clock
    cross join core.today as today
    where
        coalesce(backups.backed_up_at, today.history_since)
        < clock.now - interval 2 day
)

select
    if(backed_up is null, 'No backup', 'Old backup') as title,
    if(backed_up is null, 'No hay copia de seguridad', 'Copia de seguridad antigua')
        as title_es,
    'backup' as key,
    coalesce(
        'The last backup in ' || place || ' is of ' || backed_up || '.',
        'This machine knows of no backup in ' || place || '.'
    )
    || ' Does its schedule run? `p4books backup` makes one.' as detail,
    coalesce(
        'La última copia de seguridad en ' || place || ' es del ' || backed_up || '.',
        'Este equipo no conoce ninguna copia de seguridad en ' || place || '.'
    )
    || ' ¿Se ejecuta su programación? `p4books backup` hace una.' as detail_es
from backups
