-- One row per list whose rows were not all seen again for twice max_verified_age.
-- severity: warning
with

lists as (
    select
        list_name,
        greatest(verified_to, oldest_seen_at) as seen_at
    from ops.lists
)

select
    'Not verified: ' || lists.list_name as title,
    'Sin verificar: ' || lists.list_name as title_es,
    lists.list_name as key,
    'Some of its rows were not seen again since '
    || strftime(timezone(clock.timezone, lists.seen_at), '%Y-%m-%d %H:%M')
    || '; the setting max_verified_age is '
    || format('{:g}', clock.max_verified_age)
    || ' h. More requests_per_run, or `p4books sync --full` once, read them.' as detail,
    'Algunas de sus filas no se han vuelto a ver desde '
    || strftime(timezone(clock.timezone, lists.seen_at), '%Y-%m-%d %H:%M')
    || '; el ajuste max_verified_age es de '
    || format('{:g}', clock.max_verified_age)
    || ' h. Se leen con más requests_per_run, o una vez con `p4books sync --full`.'
        as detail_es
from lists
cross join ops.clock as clock
where lists.seen_at + to_seconds(2 * 3600 * clock.max_verified_age) < clock.now
