"""Schema `ops`: tables about runs, lists and pushes that alerts may read beside the books.

They are made in memory from the run log, the ledger and the warehouse, and documented in
`sql/alerts/README.md`.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from p4books.endpoints import ENDPOINTS
from p4books.settings import Settings
from p4books.spelling import split_class_name
from p4books.storage.backup_record import load_backed_up_at
from p4books.storage.database import quote_literal, quote_path
from p4books.storage.files import is_running
from p4books.storage.run_log import (
    DONE,
    KILLED,
    STOPPED,
    EndpointRun,
    Freshness,
    Run,
    RunFault,
    RunLog,
)
from p4books.storage.unlogged import UnloggedFailure

SCHEMA = "ops"
RUNS = 20  # of which the tables have all

_KILLED = RunFault(
    "Killed",
    "The run was killed, or the machine stopped, before it ended. Nothing was lost; the next run "
    "continues from there.",
)
_FAILED, _RUNNING = "failed", "running"
_READING = {  # columns of ops.readings, and the field of EndpointRun that each has
    "list_name": "endpoint",
    "read_mode": "mode",
    "outcome": "outcome",
    "is_complete": "complete",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "current_to": "current_to",
    "rows_held": "held",
    "new_rows": "new",
    "changed_rows": "changed",
    "gone_rows": "gone",
    "findings": "findings",
    "requests": "requests",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "clock": {
        "tenant": "varchar",
        "timezone": "varchar",
        "is_running": "boolean",
        "now": "timestamptz",
        "sync_interval": "double",
        "max_verified_age": "double",
    },
    "runs": {
        "run_id": "bigint",
        "outcome": "varchar",
        "kind": "varchar",
        "is_last": "boolean",
        "started_at": "timestamptz",
        "ended_at": "timestamptz",
        "requests": "bigint",
        "refusals": "bigint",
        "seconds_waited": "double",
    },
    "faults": {
        "run_id": "bigint",
        "place": "bigint",
        "kind": "varchar",
        "words": "varchar",
        "words_es": "varchar",
        "list_name": "varchar",
        "sentence": "varchar",
    },
    "messages": {"run_id": "bigint", "place": "bigint", "message": "varchar"},
    "readings": {
        "run_id": "bigint",
        "list_name": "varchar",
        "read_mode": "varchar",
        "outcome": "varchar",
        "is_complete": "boolean",
        "started_at": "timestamptz",
        "ended_at": "timestamptz",
        "current_to": "timestamptz",
        "rows_held": "bigint",
        "new_rows": "bigint",
        "changed_rows": "bigint",
        "gone_rows": "bigint",
        "findings": "bigint",
        "requests": "bigint",
    },
    "lists": {
        "list_name": "varchar",
        "current_to": "timestamptz",
        "verified_to": "timestamptz",
        "oldest_seen_at": "timestamptz",
        "rows_held": "bigint",
    },
    "backups": {"place": "varchar", "backed_up_at": "timestamptz"},
    "pushes": {
        "push_id": "bigint",
        "list_name": "varchar",
        "source": "varchar",
        "outcome": "varchar",
        "is_running": "boolean",
        "began_at": "timestamptz",
        "ended_at": "timestamptz",
        "unknown_records": "bigint",
    },
}
_FIELDS = {"list_name": "varchar", "field": "varchar", "first_seen_at": "timestamptz"}

Row = Mapping[str, Any]


@cache
def load_fault_words() -> Mapping[str, str]:
    """Return the Spanish words for classes of errors, by name; they are in `fault_words.csv`."""
    file = Path(__file__).with_name("fault_words.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["kind"]: row["es"] for row in csv.DictReader(lines)}


def translate_fault(kind: str) -> str:
    """Return the Spanish words for a class of errors."""
    return load_fault_words().get(kind, "error inesperado")


def create_operations(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    now: float,
    unlogged: UnloggedFailure | None = None,
) -> bool:
    """Create the tables of SCHEMA, as of `now` in seconds since 1970; return whether all are there.

    `unknown_fields` is missing if the warehouse cannot be read.

    Raises DiskTrouble if the run log cannot be read, LedgerTrouble, duckdb.Error and OSError.
    """
    rows = {name: list(part) for name, part in _collect(settings, now, unlogged).items()}
    con.execute(f"create schema {SCHEMA}")
    for table, columns in TABLES.items():
        shape = quote_literal(msgspec.json.encode([columns]).decode())
        text = msgspec.json.encode(rows[table]).decode()
        con.execute(
            f"create table {SCHEMA}.{table} as"
            f" select unnest(from_json({quote_literal(text)}, {shape}), recursive := true)"
        )
    return _create_unknown_fields(con, settings.warehouse)


def _collect(
    settings: Settings, now: float, unlogged: UnloggedFailure | None
) -> dict[str, Iterator[Row] | list[Row]]:
    log = RunLog(settings.run_log)
    runs = log.load_runs(RUNS)
    unfinished = any(run.outcome is None for run in runs)
    running = unfinished and is_running(settings)  # a look at the lock, only if there is a reason
    last = _find_last(runs, running=running)
    if unlogged and not unlogged.is_after(last):
        unlogged = None
    clock = {
        "tenant": settings.tenant,
        "timezone": settings.timezone,
        "is_running": running,
        "now": _instant(now),
        "sync_interval": settings.sync_interval,
        "max_verified_age": settings.max_verified_age,
    }
    return {
        "clock": [clock],
        "runs": [*_list_unlogged(unlogged), *_list_runs(runs, last, unlogged, running=running)],
        "faults": _list_faults(log, last, unlogged),
        "messages": _list_messages(runs),
        "readings": _list_readings(log, runs),
        "lists": _list_lists(settings, log.load_freshness()),
        "backups": _list_backups(settings),
        "pushes": _list_pushes(settings),
    }


def _find_last(runs: Sequence[Run], *, running: bool) -> Run | None:
    """Find the last run that ended by itself or was killed: not one in progress, nor stopped."""
    ended = (run for run in runs if run.outcome != STOPPED and not (running and not run.outcome))
    return next(ended, None)


def _describe_outcome(run: Run, *, running: bool) -> tuple[str, str | None]:
    """Return the outcome in one of five words, and the class of the error of a failed one."""
    if run.outcome is None or run.outcome == KILLED:
        word = _RUNNING if running and run.outcome is None else KILLED
        return word, None
    if run.outcome in {DONE, STOPPED}:
        return run.outcome, None
    return _FAILED, run.outcome


def _list_unlogged(unlogged: UnloggedFailure | None) -> Iterator[Row]:
    if unlogged:
        at = _instant(unlogged.at)
        yield {
            "outcome": _FAILED,
            "kind": unlogged.fault.kind,
            "is_last": True,
            "started_at": at,
            "ended_at": at,
        }


def _list_runs(
    runs: Sequence[Run], last: Run | None, unlogged: UnloggedFailure | None, *, running: bool
) -> Iterator[Row]:
    for run in runs:
        outcome, kind = _describe_outcome(run, running=running)
        yield {
            "run_id": run.id,
            "outcome": outcome,
            "kind": kind,
            "is_last": run is last and not unlogged,
            "started_at": _instant(run.started_at),
            "ended_at": _instant(run.ended_at),
            "requests": run.requests,
            "refusals": run.refused,
            "seconds_waited": run.waited,
        }


def _list_faults(log: RunLog, last: Run | None, unlogged: UnloggedFailure | None) -> Iterator[Row]:
    faults = [unlogged.fault] if unlogged else _find_faults(log, last)
    for place, fault in enumerate(faults, 1):
        endpoint = fault.sentence.partition(": ")[0]
        yield {
            "run_id": last.id if last and not unlogged else None,
            "place": place,
            "kind": fault.kind,
            "words": split_class_name(fault.kind),
            "words_es": translate_fault(fault.kind),
            "list_name": endpoint if endpoint in ENDPOINTS else None,
            "sentence": fault.sentence,
        }


def _find_faults(log: RunLog, run: Run | None) -> Sequence[RunFault]:
    """Return the errors of a run; of one of an earlier version what the log has of them."""
    if run is None or run.outcome == DONE:
        return []
    if run.outcome is None or run.outcome == KILLED:
        return [_KILLED]
    return log.load_faults(run.id) or [RunFault(run.outcome, next(iter(run.messages), ""))]


def _list_messages(runs: Sequence[Run]) -> Iterator[Row]:
    for run in runs:
        for place, message in enumerate(run.messages, 1):
            yield {"run_id": run.id, "place": place, "message": message}


def _list_readings(log: RunLog, runs: Sequence[Run]) -> Iterator[Row]:
    readings = {(run.id, read.endpoint): read for run in runs for read in run.readings}
    readings |= {(run, read.endpoint): read for run, read in log.load_verdicts()}
    for (run, _), read in sorted(readings.items()):
        yield {"run_id": run, **_build_reading(read)}


def _build_reading(read: EndpointRun) -> Row:
    row = {column: getattr(read, field) for column, field in _READING.items()}
    times = ("started_at", "ended_at", "current_to")
    return {**row, **{column: _instant(row[column]) for column in times}}


def _list_lists(settings: Settings, freshness: Mapping[str, Freshness]) -> Iterator[Row]:
    for name in settings.endpoints:
        fresh = freshness.get(name)
        yield {
            "list_name": name,
            "current_to": _instant(fresh.current_to if fresh else None),
            "verified_to": _instant(fresh.verified_to if fresh else None),
            "oldest_seen_at": _instant(fresh.oldest if fresh else None),
            "rows_held": fresh.held if fresh else None,
        }


def _list_backups(settings: Settings) -> list[Row]:
    """Return where backups are and as of when the last one is; none without that setting."""
    if settings.backup_to is None:
        return []
    return [{"place": settings.backup_to, "backed_up_at": load_backed_up_at(settings)}]


def _list_pushes(settings: Settings) -> Iterator[Row]:
    """Yield the last pushes, and all with unknown records; none without a ledger."""
    if not settings.ledger.exists():
        return
    from p4books.push.ledger import list_pushes  # noqa: PLC0415 - few tenants have a ledger

    pushes = list_pushes(settings.ledger)
    running = any(not push.ended_at for push in pushes) and is_running(settings, "push")
    for place, push in enumerate(pushes):
        if place < RUNS or push.unknown:
            yield {
                "push_id": push.push,
                "list_name": push.endpoint,
                "source": push.source,
                "outcome": push.outcome,
                "is_running": running and push.ended_at is None,
                "began_at": push.began_at,
                "ended_at": push.ended_at,
                "unknown_records": push.unknown,
            }


def _create_unknown_fields(con: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Create the table of fields without a column; return whether the warehouse can be read."""
    table = f"create table {SCHEMA}.unknown_fields as"
    columns = "endpoint as list_name, field, first_seen_at"
    if not warehouse.exists():
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in _FIELDS.items())
        con.execute(f"{table} select {empty} limit 0")
        return True
    try:
        con.execute(f"attach {quote_path(warehouse)} as warehouse (read_only)")
        con.execute(f"{table} select {columns} from warehouse.raw.fields")
        con.execute("detach warehouse")
    except duckdb.Error:  # damaged, or written by an older p4books: the run says so
        return False
    return True


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
