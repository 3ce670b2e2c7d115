"""What happens in a sync?

Read the lists into the spool; compare them with what is held; load the difference into a copy of
the warehouse; build the views; put the copy in place; publish. The first file to read.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import filelock

from p4books import errors
from p4books.api import lists
from p4books.api.lists import Lists, Progress, Read
from p4books.endpoints import ENDPOINTS
from p4books.load import delta, run, tables
from p4books.load.delta import Delta
from p4books.runlog import Reading, RunLog
from p4books.settings import Settings
from p4books.version import VERSION
from p4books.warehouse import publish, views
from p4books.warehouse.views import View


@dataclass
class Summary:
    """What a sync did: counts in rows, times in seconds; `faults` holds what could not be done."""

    tenant: str
    readings: list[Reading] = field(default_factory=list)
    faults: list[errors.P4BooksError] = field(default_factory=list)
    requests: int = 0
    refused: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    loaded: bool = False
    published: bool = False


def sync(
    settings: Settings,
    endpoints: Sequence[str] = (),
    progress: Progress = lambda *_: None,
    sql: Path | None = None,
) -> Summary:
    """Bring the warehouse and the published file up to date.

    `endpoints` are names of those to read (default: the setting's). What fails for one endpoint is
    in `Summary.faults` and stops no other. Raises P4BooksError where nothing could be done:
    AlreadyRunning, KeyRefused, Unreachable, WarehouseDamaged, DiskTrouble and the like.
    """
    started = time.monotonic()
    summary = Summary(settings.tenant)
    chosen = [ENDPOINTS[name] for name in endpoints or settings.endpoints]
    with _alone(settings), _scratch(settings.private / "work") as scratch:
        log = RunLog(settings.private / "runs.sqlite")
        number = log.begin()
        try:
            tables.doubt(_warehouse(settings))
            found = lists.read(settings, chosen, progress)
            _count(summary, found)
            _take_in(settings, found.read, log, number, scratch, sql or views.folder(), summary)
        except errors.P4BooksError as error:
            log.end(number, type(error).__name__)
            raise
        log.end(number, type(summary.faults[0]).__name__ if summary.faults else "done")
    summary.seconds = time.monotonic() - started
    return summary


def _take_in(
    settings: Settings,
    read: list[Read],
    log: RunLog,
    number: int,
    scratch: Path,
    sql: Path,
    summary: Summary,
) -> None:
    """Load what was read, where it changes anything; publish, where what is published is old."""
    warehouse = _warehouse(settings)
    fresh = log.freshness()
    with delta.comparing(warehouse, scratch) as con:
        pairs = []
        for one in read:
            held = one.endpoint.name in fresh or delta.held(con, one.endpoint) > 0
            verdict = one.scan.verdict
            if not verdict.complete:
                summary.faults.append(
                    errors.Incomplete(one.endpoint.name, verdict.announced, verdict.seen, held=held)
                )
            if held or verdict.complete:
                pairs.append((one, _compare(con, one)))
        summary.loaded = any(each.changes for _, each in pairs)
        if summary.loaded or (pairs and _is_old(settings, sql)):
            read_at = max(one.scan.ended_at for one, _ in pairs)
            made = run.load(con, [each for _, each in pairs], warehouse, scratch, read_at)
            _put_in_place(settings, made, scratch, sql, summary)
    for one, each in pairs:
        reading = _reading(one, each)
        log.note(number, reading)
        summary.readings.append(reading)
    for one in read:
        one.spool.clear()


def _compare(con: duckdb.DuckDBPyConnection, one: Read) -> Delta:
    verdict = one.scan.verdict
    return delta.compare(
        con, one.endpoint, one.spool.pages(), complete=verdict.complete, quiet=verdict.quiet
    )


def _put_in_place(
    settings: Settings, made: Path, scratch: Path, sql: Path, summary: Summary
) -> None:
    """Build the views in the copy, make it the warehouse, and publish it.

    A broken view keeps nothing from being held: history can't be fetched again.
    """
    models: list[View] = []
    try:
        models = _build(made, sql)
    except errors.BrokenSql as fault:
        summary.faults.append(fault)
    warehouse = _warehouse(settings)
    if summary.loaded or models:
        run.commit(made, warehouse, keep=summary.loaded)
    if not models:
        return
    about = {
        "tenant": settings.tenant,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _made_of(warehouse, sql),
    }
    try:
        publish.publish(
            warehouse,
            models,
            scratch,
            settings.published,
            about=about,
            mode=settings.published_mode,
        )
        summary.published = True
    except errors.BrokenSql as fault:
        summary.faults.append(fault)


def _build(made: Path, sql: Path) -> list[View]:
    models = views.read(sql)
    with duckdb.connect(made) as con:
        con.execute("begin")
        views.build(con, models)
        con.execute("commit")
    return models


def _is_old(settings: Settings, sql: Path) -> bool:
    """Tell whether the published file is missing or was made of something else than there is."""
    warehouse = _warehouse(settings)
    return not warehouse.exists() or publish.made_of(settings.published) != _made_of(warehouse, sql)


def _made_of(warehouse: Path, sql: Path) -> str:
    return f"{warehouse.stat().st_mtime_ns}-{views.digest(sql)}-{VERSION}"


def _reading(one: Read, each: Delta) -> Reading:
    verdict = one.scan.verdict
    return Reading(
        endpoint=one.endpoint.name,
        started_at=one.scan.started_at,
        ended_at=one.scan.ended_at,
        pages=one.scan.pages,
        announced=verdict.announced,
        seen=verdict.seen,
        complete=verdict.complete,
        quiet=verdict.quiet,
        new=each.new,
        changed=each.changed,
        gone=each.gone,
    )


def _count(summary: Summary, found: Lists) -> None:
    summary.faults += found.faults
    summary.requests = found.requests
    summary.refused = found.refused
    summary.waited = found.waited


def _warehouse(settings: Settings) -> Path:
    return settings.private / "warehouse.duckdb"


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the tenant's lock; the system frees that of a process that died."""
    lock = filelock.FileLock(settings.private / "run.lock", mode=0o600)
    try:
        settings.private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.private.mkdir(exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise errors.AlreadyRunning(settings.tenant) from None
    except OSError as error:
        raise errors.DiskTrouble(settings.private, error.strerror or str(error)) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder, free of what a dead run left, and take it away again."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise errors.DiskTrouble(folder, error.strerror or str(error)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
