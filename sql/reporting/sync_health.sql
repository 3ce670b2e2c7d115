-- One row per endpoint and run: what was read, what changed, and what it cost.
-- key: endpoint, run_id
-- section: Trust
-- order: run_id desc, endpoint
-- period: started_at
-- question: Did the last runs work, and how fresh is each list?
-- query: select started_at, endpoint, outcome, rows_held, new_rows, changed_rows
--   from reporting.sync_health order by run_id desc, endpoint limit 12
with

as_of as (
    select * from core.as_of
),

runs as (
    select * from raw.runs
),

finished as (
    select
        runs.endpoint,
        runs.run_id,

        runs.mode as read_mode,
        runs.outcome,

        runs.complete as is_complete,

        runs.started_at,
        runs.ended_at,
        runs.current_to,

        runs.announced as rows_announced,
        runs.held as rows_held,
        runs.new as new_rows,
        runs.changed as changed_rows,
        runs.gone as gone_rows,
        runs.findings,
        runs.requests,
        runs.refused as refusals,
        try_cast(runs.waited as decimal(18, 2)) as seconds_waited,
        try_cast(epoch(as_of.as_of_at - runs.ended_at) / 3600 as decimal(18, 2))
            as age_hours
    from runs
    cross join as_of
)

select * from finished
