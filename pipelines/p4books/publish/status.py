"""Status of a tenant: what is published and how fresh it is."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    ClockWrong,
    DiskTrouble,
    NotPublished,
    P4BooksError,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    RestoreInterrupted,
    WarehouseDamaged,
    WarehouseLost,
    WarehouseOpen,
    WarehouseTooNew,
)
from p4books.extract.clock import MAX_SKEW
from p4books.extract.spool import measure_spool
from p4books.home.overview import LocalHome, read_local_home
from p4books.load.books import check_not_lost
from p4books.load.schema import load_unknown_fields
from p4books.load.warehouse import check_warehouse, measure_generations
from p4books.publish.published_file import describe_changes, explain_open_error
from p4books.publish.query import open_published, read_about
from p4books.settings import Settings
from p4books.storage.backup_record import load_backed_up_at
from p4books.storage.files import is_running, measure_files
from p4books.storage.lake_place import find_lake
from p4books.storage.run_log import DAY, DONE, KILLED, Freshness, Run, RunLog, RunTotals
from p4books.storage.unlogged import load_unlogged


@dataclass(frozen=True)
class EndpointStatus:
    """Tables of one endpoint in the published file; instants are in UTC, None means never.

    If the file cannot be read, `rows` are those of the last run, and `versions` are None.

    `mode` is how the last run read the list. `oldest` is the least recent instant at which a row
    was last seen.
    """

    table: str
    rows: int
    versions: int | None
    mode: str | None
    current_to: datetime | None
    verified_to: datetime | None
    oldest: datetime | None


@dataclass(frozen=True)
class FirstCopy:
    """A list of which nothing is published yet: pages read, of about how many, and their rows."""

    endpoint: str
    pages: int
    announced_pages: int
    rows: int
    percent: int


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk of a tenant's private files, and the number of its generations."""

    warehouse: int
    spool: int
    generations: int
    generations_bytes: int


@dataclass(frozen=True)
class LakeStatus:
    """What this machine knows of the lake without asking it: its last snapshot there, and when.

    None if it wrote none. `is_current` says whether that has all that is published.
    """

    snapshot: int | None
    written_at: datetime | None
    is_current: bool


class ProblemKind(StrEnum):
    """What may be wrong with a tenant."""

    NEVER_SYNCED = "never_synced"
    RUN_FAILED = "run_failed"
    RUN_KILLED = "run_killed"
    WAREHOUSE = "warehouse"
    PUBLISHED_FILE = "published_file"
    CLOCK = "clock"
    NOT_PUBLISHED = "not_published"
    FIGURES_OLD = "figures_old"


@dataclass(frozen=True)
class TenantStatus:
    """Published file: size in bytes, when it was made, its tables; and what keeping it costs.

    `figures_at` is when the lists that it shows were last read, the oldest of these times; None if
    nothing is published. `last_run` is the last one that ended, was killed, or could not begin and
    so has the number 0; `running` is the one in progress, `unpublished_run` the last one that
    loaded rows which the file does not have.
    `totals` are those of all runs, `totals_last_day` of the last 24 hours.

    `unknown` lists the fields that no column holds, as ENDPOINT.FIELD. `traits` is what
    `check --deep` detected about the API, None if it was never run. `problem` says why the file
    cannot be read and what to do, then `bytes` and `published_at` may be None; or that the
    warehouse is missing or damaged, or that another program changed the file, or that there never
    was one. `first_copies` are the lists that are not read to their ends yet, also while a run
    reads them. `clock` says what is wrong with the clock of this machine, now or in an earlier run.
    `disk` is None for who may not access the private files. `backed_up_at` is as of when the last
    backup in `backup_to` has the books, None if this machine knows of none. `lake` and `home` are
    what this machine knows of them, None without one.
    """

    tenant: str
    file: str
    bytes: int | None
    published_at: datetime | None
    figures_at: datetime | None
    tables: tuple[EndpointStatus, ...]
    requests_last_run: int
    requests_last_day: int
    unknown: tuple[str, ...]
    traits: dict[str, Any] | None
    sync_interval: timedelta
    problem: str | None = None
    problem_kind: ProblemKind | None = None
    first_copies: tuple[FirstCopy, ...] = ()
    clock: str | None = None
    disk: DiskUse | None = None
    backed_up_at: datetime | None = None
    lake: LakeStatus | None = None
    home: LocalHome | None = None
    last_run: Run | None = None
    last_success_at: datetime | None = None
    running: Run | None = None
    unpublished_run: int | None = None
    totals: RunTotals = field(default_factory=RunTotals)
    totals_last_day: RunTotals = field(default_factory=RunTotals)

    @property
    def has_anything(self) -> bool:
        """Whether there is more to show than that nothing was ever synced."""
        return self.problem_kind != ProblemKind.NEVER_SYNCED


@dataclass(frozen=True)
class _FileFound:
    """What a published file says, as far as it can be read; instants are in UTC."""

    published_at: datetime | None = None
    as_of_at: datetime | None = None
    current_to: datetime | None = None
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    problem: tuple[ProblemKind, str] | None = None


def read_status(settings: Settings) -> TenantStatus:
    """Read the status from the published file and the run log.

    If the file cannot be read, `problem` says why, and the rest is still there. Raises DiskTrouble
    if the run log is damaged.
    """
    file, log = settings.published, RunLog(settings.run_log)
    last_runs, freshness = read_runs(settings, 2), log.load_freshness()
    first_copies = _find_first_copies(settings, freshness)
    last_run = _find_last_run(settings, last_runs)
    running = next((run for run in last_runs if run.outcome is None), None)
    found = _read_file(settings, log, is_first_run=not (first_copies or last_runs))
    loss = _find_loss(settings)
    problem_kind, problem = (ProblemKind.WAREHOUSE, loss) if loss else found.problem or (None, None)
    unpublished = _find_unpublished(log, found, first_copies)
    last_day = log.load_totals(time.time() - DAY)
    return TenantStatus(
        tenant=settings.tenant,
        file=str(file),
        bytes=file.stat().st_size if file.is_file() else None,
        published_at=found.published_at,
        figures_at=_find_figures_time(settings, found, freshness, unpublished),
        tables=_list_tables(found.counts, freshness),
        requests_last_run=last_runs[0].requests if last_runs else 0,
        requests_last_day=last_day.requests,
        unknown=_list_unknown_fields(settings.warehouse),
        traits=log.load_capabilities(),
        sync_interval=timedelta(minutes=settings.sync_interval),
        problem=problem,
        problem_kind=problem_kind,
        first_copies=first_copies,
        clock=_describe_clock(last_run, found.as_of_at, datetime.now(UTC)),
        disk=_measure_disk(settings),
        backed_up_at=load_backed_up_at(settings),
        lake=_read_lake(settings, log),
        home=read_local_home(settings),
        last_run=last_run,
        last_success_at=_to_datetime(log.load_last_end(DONE)),
        running=running,
        unpublished_run=unpublished,
        totals=log.load_totals(),
        totals_last_day=last_day,
    )


def read_runs(settings: Settings, last: int) -> list[Run]:
    """Read the last runs, the newest first; one that died without recording its end is killed.

    A run without an outcome is in progress, or this user may not see whether it is.
    """
    log = RunLog(settings.run_log)
    runs = log.load_runs(last)
    if not runs or runs[0].outcome is not None:
        return runs
    try:
        if is_running(settings):
            return runs
    except P4BooksError:  # who may not open the lock sees no difference
        return runs
    runs = log.load_runs(last)  # a run records its end before it gives back the lock
    return [replace(run, outcome=run.outcome or KILLED) for run in runs]


def read_run(settings: Settings, number: int) -> Run | None:
    """Read one run as `read_runs` does; None if there is no run of that number."""
    newest = read_runs(settings, 1)
    if newest and newest[0].id == number:
        return newest[0]
    return RunLog(settings.run_log).load_run(number)


def _find_last_run(settings: Settings, runs: Sequence[Run]) -> Run | None:
    """Find the last run that is over; it has no number if it could not even begin."""
    last = next((run for run in runs if run.outcome), None)
    unlogged = load_unlogged(settings)
    return unlogged.as_run() if unlogged and unlogged.is_after(last) else last


def _read_file(settings: Settings, log: RunLog, *, is_first_run: bool) -> _FileFound:
    """Read the published file; if that is not possible, `problem` says why, and what to do."""
    file, kind = settings.published, ProblemKind.PUBLISHED_FILE
    found = _FileFound()
    try:
        if changes := describe_changes(settings, file):
            found = _FileFound(problem=(kind, changes))
        with open_published(file) as con:
            about = read_about(con)
            return replace(
                found,
                published_at=about["published_at"],
                as_of_at=about.get("as_of_at"),
                current_to=about["current_to"],
                counts=_count_rows(con),
            )
    except NotPublished as error:
        if log.load_published() is not None or os.access(settings.warehouse, os.F_OK):
            problem = f"{file} is missing. Run `p4books report` to publish it again."
            return _FileFound(problem=(kind, problem))
        if is_first_run:
            return _FileFound(problem=(ProblemKind.NEVER_SYNCED, str(error)))
        problem = (
            f"{file} does not exist yet, because the first copy is not complete. The next run, or "
            "`p4books sync`, continues it."
        )
        return _FileFound(problem=(kind, problem))
    except (PublishedFileUnreadable, PublishedFileBlocked) as error:
        return replace(found, problem=(kind, str(error)))
    except (duckdb.Error, KeyError) as error:  # not a file of ours
        why = error if isinstance(error, duckdb.Error) else duckdb.Error(f"it lacks {error}")
        return replace(found, problem=(kind, str(explain_open_error(file, why))))


def _find_unpublished(
    log: RunLog, found: _FileFound, first_copies: Sequence[FirstCopy]
) -> int | None:
    """Return the last run that loaded rows after the file was published; None if there is none.

    Until all first copies are complete, after a start from nothing, a run may leave the file as it
    is on purpose.
    """
    if found.published_at is None or first_copies:
        return None
    return log.find_change_since(found.published_at.timestamp())


def _find_figures_time(
    settings: Settings,
    found: _FileFound,
    freshness: Mapping[str, Freshness],
    unpublished: int | None,
) -> datetime | None:
    """Return when the lists that the published file shows were last read; None if never.

    A run that changed nothing publishes nothing, so that only the run log knows of it; who may not
    read that knows what the file says.
    """
    if found.published_at is None:
        return None
    shown = found.current_to or found.as_of_at or found.published_at
    read = [freshness[name].current_to for name in settings.endpoints if name in freshness]
    latest = _to_datetime(min(read, default=None))
    return shown if unpublished or latest is None else max(shown, latest)


def _describe_clock(last_run: Run | None, as_of_at: datetime | None, now: datetime) -> str | None:
    """Say that the last run rejected the clock, or that the figures are of the future."""
    if last_run and last_run.outcome == ClockWrong.__name__:
        return next(iter(last_run.reasons), None)
    if as_of_at is None or as_of_at <= now + timedelta(seconds=MAX_SKEW):
        return None
    return (
        f"The published figures are as of {as_of_at:%Y-%m-%d %H:%M:%S} UTC, but the clock of this "
        f"machine says {now:%Y-%m-%d %H:%M:%S} UTC. If the clock is right, run `p4books sync`: it "
        "corrects times that lie in the future."
    )


def _find_first_copies(
    settings: Settings, freshness: Mapping[str, Freshness]
) -> tuple[FirstCopy, ...]:
    """Find the lists that have pages in their spools and were never read to the end."""
    copies = []
    for name in ENDPOINTS:
        fresh = freshness.get(name)
        if fresh and (fresh.held or fresh.verified_to is not None):
            continue
        if read := measure_spool(settings.spool / name):
            percent = 100 * read.pages // read.announced
            copies.append(FirstCopy(name, read.pages, read.announced, read.rows, percent))
    return tuple(copies)


def _find_loss(settings: Settings) -> str | None:
    """Return what the next sync will say because the warehouse is missing or damaged; else None.

    Who reads the published file may not access the private folder, or has none; but whoever may
    write where it was is who runs the syncs.
    """
    try:
        if settings.run_log.exists() or os.access(settings.data_dir, os.W_OK):
            check_not_lost(settings)
            check_warehouse(settings.warehouse)
    except (RestoreInterrupted, WarehouseLost, WarehouseDamaged, WarehouseTooNew) as error:
        return str(error)
    except (OSError, WarehouseOpen, DiskTrouble):
        return None
    return None


def _measure_disk(settings: Settings) -> DiskUse | None:
    if not os.access(settings.private, os.R_OK | os.X_OK):
        return None
    return DiskUse(
        measure_files(settings.warehouse),
        measure_files(settings.spool),
        *measure_generations(settings.warehouse),
    )


def _read_lake(settings: Settings, log: RunLog) -> LakeStatus | None:
    if (place := find_lake(settings)) is None:
        return None
    published, record = log.load_published(), log.load_lake()
    if record is None:
        return LakeStatus(None, None, is_current=False)
    is_current = published is not None and place.has_all(record, published.digest)
    return LakeStatus(record.snapshot, _to_datetime(record.written_at), is_current)


def _count_rows(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Count the rows and the versions of each endpoint."""
    return {
        name: con.execute(
            f"select (select count(*) from staging.{name}),"
            f" (select count(*) from staging.{name}_history)"
        ).fetchone()
        or (0, 0)
        for name in ENDPOINTS
    }


def _list_tables(
    counts: Mapping[str, tuple[int, int]], freshness: Mapping[str, Freshness]
) -> tuple[EndpointStatus, ...]:
    tables = []
    for name in ENDPOINTS:
        fresh = freshness.get(name)
        rows, versions = counts.get(name) or (fresh.held if fresh else 0, None)
        tables.append(
            EndpointStatus(
                table=name,
                rows=rows,
                versions=versions,
                mode=fresh.mode if fresh else None,
                current_to=_to_datetime(fresh.current_to if fresh else None),
                verified_to=_to_datetime(fresh.verified_to if fresh else None),
                oldest=_to_datetime(fresh.oldest if fresh else None),
            )
        )
    return tuple(tables)


def _to_datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _list_unknown_fields(warehouse: Path) -> tuple[str, ...]:
    try:
        return tuple(f"{field.endpoint}.{field.field}" for field in load_unknown_fields(warehouse))
    except (duckdb.Error, OSError):  # who reads the published file may not access the warehouse
        return ()
