"""As-of instant of the models, and the warehouse as it was on a past day."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.errors import NoPicture
from p4books.settings import Settings
from p4books.storage.database import open_database
from p4books.storage.run_log import Run
from p4books.transform.macros import compute_end_of_day

_RUN_COLUMNS = {
    "run_id": "bigint",
    "endpoint": "varchar",
    "mode": "varchar",
    "outcome": "varchar",
    "started_at": "double",
    "ended_at": "double",
    "current_to": "double",
    "announced": "bigint",
    "held": "bigint",
    "new": "bigint",
    "changed": "bigint",
    "gone": "bigint",
    "findings": "bigint",
    "requests": "bigint",
    "refused": "bigint",
    "waited": "double",
    "complete": "boolean",
}


def record_as_of(con: duckdb.DuckDBPyConnection, settings: Settings, runs: Sequence[Run]) -> None:
    """Replace raw.as_of, raw.today, raw.runs and raw.freshness: what models know besides the rows.

    raw.as_of is one row: the instant and the day of the figures, the start of the history, tenant,
    time zone, currency and tax date. raw.today is what stays the same all day.
    """
    _record_runs(con, runs)
    con.execute(f"create or replace view raw.freshness as {freshness_query(ENDPOINTS)}")
    versions = "\nunion all\n".join(
        f"select '{name}' as endpoint, min(_dlt_valid_from) as since,"
        f" greatest(max(_dlt_valid_from), max(_dlt_valid_to)) as last from raw.{name}"
        for name in ENDPOINTS
    )
    con.execute(
        f"""
        create or replace table raw.as_of as
        with versions as ({versions}),
        known as (
            select
                greatest(
                    (select max(coalesce(current_to, started_at)) from raw.runs
                        where complete or current_to is not null),
                    (select max(last) from versions)
                ) as as_of_at,
                (select coalesce(max(coalesce(history.since, versions.since))
                        filter (where endpoint = 'invoices'),
                    max(coalesce(history.since, versions.since)))
                    from versions left join raw.history as history using (endpoint)
                ) as history_since
        )
        select
            as_of_at,
            timezone($timezone, as_of_at)::date as as_of_on,
            history_since,
            $tenant as tenant,
            $timezone as timezone,
            $currency as currency,
            $tax_date as tax_date
        from known
        """,
        {
            "tenant": settings.tenant,
            "timezone": settings.timezone,
            "currency": settings.currency,
            "tax_date": settings.tax_date,
        },
    )
    con.execute(
        "create or replace view raw.today as"
        " select tenant, timezone, currency, tax_date, as_of_on, history_since from raw.as_of"
    )


def freshness_query(endpoints: Iterable[str]) -> str:
    """Return the query of raw.freshness: one row, two columns per endpoint.

    A list whose first copy is not complete yet is missing: none of its rows is in any figure.
    """
    columns = ",\n".join(
        f"min({instant}) filter (where endpoint = '{name}') as {name}_{instant}"
        for name in endpoints
        for instant in ("current_to", "verified_to")
    )
    return f"""
        with lists as (
            select
                endpoint,
                max_by(coalesce(current_to, started_at), run_id)
                    filter (where complete or current_to is not null) as current_to,
                max_by(started_at, run_id) filter (where complete) as verified_to,
                not bool_or(complete) and max(held) = 0 as is_missing
            from raw.runs
            group by endpoint
        )
        select
            coalesce(
                string_agg(endpoint, ', ' order by endpoint) filter (where is_missing), ''
            ) as missing_lists,
            min(current_to) as current_to,
            min(verified_to) as verified_to,
            {columns}
        from lists
        """


def rewind_to_day(path: Path, day: date, settings: Settings) -> None:
    """Take a warehouse back to the end of a day in the tenant's time zone.

    Raises NoPicture if the history begins later, or if the day was not over at the last sync.
    """
    with open_database(path) as con:
        row = con.execute(
            "select timezone(timezone, history_since)::date, as_of_on from raw.as_of"
        ).fetchone()
        _check_day(day, *(row or (None, None)))
        end = {"at": compute_end_of_day(day, settings.timezone)}
        con.execute("alter table raw.seen alter verified_at drop not null")
        con.execute("begin")
        for name in ENDPOINTS:
            con.execute(f"delete from raw.{name} where _dlt_valid_from > $at", end)
            con.execute(
                f"update raw.{name} set _dlt_valid_to = null where _dlt_valid_to > $at", end
            )
        con.execute("delete from raw.seen")  # it has only the last sighting, which is later
        for name in ENDPOINTS:
            con.execute(
                f"insert into raw.seen select '{name}', id, null from raw.{name}"
                " where _dlt_valid_to is null"
            )
        con.execute("delete from raw.fields where first_seen_at > $at", end)
        con.execute("delete from raw.runs where ended_at > $at", end)
        con.execute("update raw.as_of set as_of_at = $at, as_of_on = $day", {**end, "day": day})
        con.execute("commit")


def _record_runs(con: duckdb.DuckDBPyConnection, runs: Sequence[Run]) -> None:
    rows = [{**vars(scan), "run_id": run.id} for run in runs for scan in run.readings]
    instants = ", ".join(
        f"make_timestamptz(round({name} * 1e6)::bigint) as {name}"
        for name in ("started_at", "ended_at", "current_to")
    )
    con.execute(
        f"""
        create or replace table raw.runs as
        select * replace ({instants})
        from (select unnest(from_json($rows, $shape), recursive := true))
        """,
        {"rows": json.dumps(rows), "shape": json.dumps([_RUN_COLUMNS])},
    )


def _check_day(day: date, first: date | None, until: date | None) -> None:
    """Raise NoPicture unless a day lies between the `first` and the last full one before `until`.

    Both are None in a warehouse without rows.
    """
    if first is None or until is None:
        raise NoPicture(
            "Nothing has been copied yet, so there is no day to show. Run `p4books sync` first."
        )
    last = until - timedelta(days=1)
    if last < first:
        why = f"the history begins on {first}, and that day was not over at the last sync"
        now = f"Sync again after {first}: that is the first day that can be shown"
    elif day < first:
        why = "the history begins with the first sync"
        now = f"The first day that can be shown is {first}"
    elif day > last:
        why = f"the last sync was on {until}, and that day was not over"
        now = f"The last day that can be shown is {last}"
    else:
        return
    raise NoPicture(f"The books cannot be shown as of {day}: {why}. Nothing was published. {now}.")
