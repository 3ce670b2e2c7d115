-- One row per list whose newest rows were not read for three sync intervals.
-- severity: error
with

-- Of a list without a complete copy it counts when the last run ended, whatever it
-- could read; without any run, nothing was ever read.
last_runs as (
    select max(ended_at) as ended_at from ops.runs
    where outcome <> 'killed'
),

lists as (
    select
        lists.list_name,
        coalesce(lists.current_to, last_runs.ended_at) as current_to
    from ops.lists as lists
    cross join last_runs
),

stale as (
    select
        lists.list_name,
        strftime(
            timezone(clock.timezone, lists.current_to), '%Y-%m-%d %H:%M'
        ) as read_at,
        clock.sync_interval
    from lists
    cross join ops.clock as clock
    where
        coalesce(
            lists.current_to + to_seconds(3 * 60 * clock.sync_interval) < clock.now,
            not clock.is_running
        )
)

select
    'Stale list: ' || list_name as title,
    'Lista desactualizada: ' || list_name as title_es,
    list_name as key,
    coalesce('Last read at ' || read_at, 'It was never read')
    || '; the setting sync_interval is ' || format('{:g}', sync_interval)
    || ' min. Does the schedule run? `p4books runs` shows the last runs.' as detail,
    coalesce('Última lectura: ' || read_at, 'Nunca se ha leído')
    || '; el ajuste sync_interval es de ' || format('{:g}', sync_interval)
    || ' min. ¿Se ejecuta la programación? `p4books runs` muestra las últimas.'
        as detail_es
from stale
