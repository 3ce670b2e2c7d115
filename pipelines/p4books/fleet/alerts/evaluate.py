"""Evaluation of alerts: every file is a query on the published file and on the tables of `ops`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Timer

import duckdb

from p4books.errors import (
    BrokenSql,
    P4BooksError,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    locate_sql_error,
)
from p4books.fleet.alerts.definitions import AlertDefinition, load_definitions
from p4books.fleet.alerts.operations import SCHEMA, create_operations, translate_fault
from p4books.publish.published_file import locate_file
from p4books.settings import Settings
from p4books.spelling import split_class_name
from p4books.storage.database import open_database, quote_literal, quote_path
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.run_log import RunFault
from p4books.storage.unlogged import UnloggedFailure
from p4books.transform.models import SqlSources

MAX_ROWS = 1_000  # of one alert; of further rows nothing is known
QUERY_SECONDS = 10.0  # that an alert of the user may take
BROKEN = "broken_alert"  # the alert on files that cannot be used
RUN_FAILED = "run_failed"  # the alert on runs, and on what keeps all others from being evaluated

_BOOKS = "books"  # the attached published file
_COLUMNS = ("title", "key", "detail")


@dataclass(frozen=True)
class Firing:
    """Something that fires: a row of an alert; `key` identifies it among those of its alert.

    `title_es` and `detail_es` are empty if the alert has none. `recovers` is false for an event.
    """

    alert: str
    key: str
    severity: str
    title: str
    detail: str
    title_es: str = ""
    detail_es: str = ""
    recovers: bool = True


@dataclass(frozen=True)
class Evaluation:
    """What fires, by alert and key, and which alerts could not be evaluated.

    An alert that is `incomplete` may fire although it is not in `firing`: its file is broken, reads
    what is not published, or has too many rows. One without a file does not fire any more.
    """

    firing: Sequence[Firing] = ()
    incomplete: frozenset[str] = field(default_factory=frozenset)


def evaluate_alerts(
    settings: Settings,
    now: float,
    unlogged: UnloggedFailure | None = None,
    sources: SqlSources | None = None,
) -> Evaluation:
    """Evaluate all alerts of a tenant, as of `now` in seconds since 1970.

    A broken file is an alert itself, and stops no other. Alerts that read the published file are
    left out if there is none, and ours if it was made by an older p4books and lacks what they read.
    Raises DiskTrouble if the run log cannot be read, LedgerTrouble, duckdb.Error and OSError.
    """
    definitions, faults = load_definitions(sources or SqlSources.at())
    firing: list[Firing] = []
    incomplete = {fault.file.stem for fault in faults}
    with open_database() as con:
        con.execute("set threads = 1")  # these tables are short
        has_all = create_operations(con, settings, now, unlogged)
        has_all &= _attach_books(con, settings)
        _lock_down(con)
        for definition in definitions:
            try:
                rows = _run_query(con, definition)
            except BrokenSql as fault:
                incomplete.add(definition.name)
                faults.append(fault)
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                incomplete.add(definition.name)
                if has_all and definition.is_own:
                    faults.append(locate_sql_error(definition.file, error, above=1))
            else:
                firing += rows[:MAX_ROWS]
                incomplete |= {definition.name} if len(rows) > MAX_ROWS else set()
    firing += [_describe_broken(fault) for fault in faults]
    unique = {(each.alert, each.key): each for each in reversed(firing)}
    return Evaluation([*reversed(unique.values())], frozenset(incomplete))


def describe_blindness(error: Exception, sources: SqlSources | None = None) -> Evaluation:
    """Return what fires if nothing can be evaluated: that, as a failed run; the rest is unknown."""
    definitions, faults = load_definitions(sources or SqlSources.at())
    names = {*(each.name for each in definitions), *(fault.file.stem for fault in faults)}
    fault = RunFault.of(error)
    firing = Firing(
        alert=RUN_FAILED,
        key=fault.kind,
        severity="error",
        title=f"The alerts cannot be evaluated: {split_class_name(fault.kind)}",
        detail=fault.sentence,
        title_es=f"Las alertas no se pueden evaluar: {translate_fault(fault.kind)}",
    )
    return Evaluation([firing], frozenset({*names, BROKEN, RUN_FAILED}))


def _attach_books(con: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Attach the published file, if it can be read, and make its schemas usable by name."""
    try:
        if not locate_file(settings.published).exists():
            con.execute(f"set search_path = 'memory.{SCHEMA}'")
            return False
        con.execute(f"attach {quote_path(settings.published)} as {_BOOKS} (read_only)")
    except (duckdb.Error, PublishedFileBlocked, PublishedFileUnreadable):
        con.execute(f"set search_path = 'memory.{SCHEMA}'")
        return False
    schemas = con.execute(
        "select schema_name from duckdb_schemas() where database_name = ? and not internal"
        " order by schema_name = 'main' desc, schema_name",
        [_BOOKS],
    ).fetchall()
    path = [f"{_BOOKS}.main", *(f"{_BOOKS}.{name}" for (name,) in schemas), f"memory.{SCHEMA}"]
    con.execute(f"set search_path = {quote_literal(','.join(dict.fromkeys(path)))}")
    return True


def _lock_down(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")


def _run_query(con: duckdb.DuckDBPyConnection, definition: AlertDefinition) -> list[Firing]:
    """Return the rows of an alert, at most one more than MAX_ROWS.

    Raises BrokenSql, and duckdb.CatalogException and BinderException if something is missing.
    """
    query = f"select * from (\n{definition.sql}\n) order by all limit {MAX_ROWS + 1}"
    with _limit_time(con) if definition.is_own else nullcontext():  # a thread takes its time
        try:
            if len(duckdb.extract_statements(query)) > 1:
                raise BrokenSql(definition.file, 1, "it has more than one statement")
            result = con.execute(query)
            names = [column[0] for column in result.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except (duckdb.CatalogException, duckdb.BinderException):
            raise
        except duckdb.InterruptException:
            if is_stop_requested():
                raise KeyboardInterrupt from None
            why = f"it did not finish within {QUERY_SECONDS:g} s"
            raise BrokenSql(definition.file, 1, why) from None
        except duckdb.Error as error:
            raise locate_sql_error(definition.file, error, above=1) from None
    if missing := [name for name in _COLUMNS if name not in names]:
        why = f"it has no column {missing[0]}; an alert has {', '.join(_COLUMNS)}"
        raise BrokenSql(definition.file, 1, why)
    return [_build_firing(definition, row) for row in rows]


@contextmanager
def _limit_time(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    timer = Timer(QUERY_SECONDS, con.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _build_firing(definition: AlertDefinition, row: dict[str, object]) -> Firing:
    texts = {
        name: "" if row.get(name) is None else str(row[name])
        for name in (*_COLUMNS, "title_es", "detail_es")
    }
    firing = Firing(
        alert=definition.name,
        severity=definition.severity,
        recovers=definition.recovers,
        **texts,
    )
    return firing if firing.title else replace(firing, title=definition.name)


def _describe_broken(fault: P4BooksError) -> Firing:
    where = fault.where if isinstance(fault, BrokenSql) else str(fault)
    name = fault.file.name if isinstance(fault, BrokenSql) else ""
    return Firing(
        alert=BROKEN,
        key=name,
        severity="error",
        title=f"The alert {name} is broken",
        detail=f"{where} All other alerts were evaluated.",
        title_es=f"La alerta {name} tiene un error",
        detail_es=f"{where} Las demás alertas se evaluaron.",
    )
