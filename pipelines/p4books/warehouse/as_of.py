"""As of when are the figures?

The one row of `raw.as_of` tells it to every model. A day of the past is shown by taking a copy of
the warehouse back to its end: no model needs to know which day it is asked for.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from p4books.database import connect
from p4books.endpoints import ENDPOINTS
from p4books.runlog import Run
from p4books.settings import Settings
from p4books.warehouse.errors import NoPicture


def note(con: duckdb.DuckDBPyConnection, settings: Settings, runs: Sequence[Run]) -> None:
    """Note in a warehouse what its models are told: as of when, for whom, and the runs so far."""
    _note_runs(con, runs)
    con.execute(f"create or replace view raw.freshness as {freshness(ENDPOINTS)}")
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
            $currency as currency
        from known
        """,
        {
            "tenant": settings.tenant,
            "timezone": settings.timezone,
            "currency": settings.currency,
        },
    )


def freshness(endpoints: Iterable[str]) -> str:
    """Write the query that tells in one row how fresh each list is: two columns per endpoint.

    A list whose first copy is not complete yet is missing: nothing of it is in any figure.
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


def rewind(path: Path, day: date, settings: Settings) -> None:
    """Take a warehouse back to the end of a day in the tenant's time zone.

    Raises NoPicture where its history begins later, or the day was not over when it was read.
    """
    with connect(path) as con:
        row = con.execute(
            "select timezone(timezone, history_since)::date, as_of_on from raw.as_of"
        ).fetchone()
        _check(day, *(row or (None, None)))
        at = _end(day, ZoneInfo(settings.timezone))
        con.execute("begin")
        for name in ENDPOINTS:
            con.execute(f"delete from raw.{name} where _dlt_valid_from > $at", {"at": at})
            con.execute(
                f"update raw.{name} set _dlt_valid_to = null where _dlt_valid_to > $at", {"at": at}
            )
        con.execute("delete from raw.seen")  # it tells the last time only, which is of today
        con.execute("delete from raw.fields where first_seen_at > $at", {"at": at})
        con.execute("delete from raw.runs where ended_at > $at", {"at": at})
        con.execute("update raw.as_of set as_of_at = $at, as_of_on = $day", {"at": at, "day": day})
        con.execute("commit")


def _end(day: date, zone: ZoneInfo) -> datetime:
    """Return the last instant of a day, where microseconds are the smallest."""
    return datetime.combine(day + timedelta(days=1), time.min, zone) - timedelta(microseconds=1)


def _check(day: date, first: date | None, until: date | None) -> None:
    """Make sure that a day can be shown: from the `first` to the last before `until`."""
    if first is None or until is None:
        raise NoPicture(
            "Nothing is held yet, so there is no day to show. Run `p4books sync` first."
        )
    last = until - timedelta(days=1)
    if last < first:
        why = f"their history begins on {first}, and no day of it was over at the last sync"
        now = f"Sync again after {first}: that is the first day that can be shown"
    elif day < first:
        why = "their history begins with the first sync"
        now = f"The first day that can be shown is {first}"
    elif day > last:
        why = f"they are known to {until}, and that day was not over"
        now = f"The last day that can be shown is {last}"
    else:
        return
    raise NoPicture(f"The books can't be shown as of {day}: {why}. {now}. Nothing was published.")


def _note_runs(con: duckdb.DuckDBPyConnection, runs: Sequence[Run]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that only who publishes waits for

    columns = {
        "run_id": pa.int64(),
        "endpoint": pa.string(),
        "mode": pa.string(),
        "outcome": pa.string(),
        "started_at": pa.float64(),
        "ended_at": pa.float64(),
        "current_to": pa.float64(),
        "announced": pa.int64(),
        "held": pa.int64(),
        "new": pa.int64(),
        "changed": pa.int64(),
        "gone": pa.int64(),
        "findings": pa.int64(),
        "requests": pa.int64(),
        "refused": pa.int64(),
        "waited": pa.float64(),
        "complete": pa.bool_(),
    }
    told = [(run.id, reading) for run in runs for reading in run.readings]
    values = {
        name: [number if name == "run_id" else getattr(reading, name) for number, reading in told]
        for name in columns
    }
    con.register("told", pa.table(values, schema=pa.schema(columns)))
    instants = ", ".join(
        f"make_timestamptz(round({name} * 1e6)::bigint) as {name}"
        for name in ("started_at", "ended_at", "current_to")
    )
    con.execute(f"create or replace table raw.runs as select * replace ({instants}) from told")
    con.unregister("told")
