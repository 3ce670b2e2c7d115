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
from p4books.api.lists import Progress, Read
from p4books.database import connect
from p4books.endpoint import Endpoint
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
    chosen = _chosen(endpoints or settings.endpoints)
    with _alone(settings), _scratch(settings.private / "work") as scratch:
        going = _Run(settings, scratch, sql or views.folder())
        try:
            tables.doubt(going.warehouse)
            going.take_in(going.read(chosen, progress))
        except (errors.P4BooksError, duckdb.Error, OSError) as error:
            told = run.said(error, going.warehouse, scratch)
            going.log.end(going.number, type(told).__name__)
            raise told from None
        faults = going.summary.faults
        going.log.end(going.number, type(faults[0]).__name__ if faults else "done")
    going.summary.seconds = time.monotonic() - started
    return going.summary


def _chosen(names: Sequence[str]) -> list[Endpoint]:
    for name in names:
        if name not in ENDPOINTS:
            raise errors.UsageError(f"There is no endpoint {name}{errors.nearest(name, ENDPOINTS)}")
    return [ENDPOINTS[name] for name in dict.fromkeys(names)]


class _Run:
    """One run: where it works, and what it did so far."""

    def __init__(self, settings: Settings, scratch: Path, sql: Path) -> None:
        self.settings = settings
        self.scratch = scratch
        self.sql = sql
        self.warehouse = settings.private / "warehouse.duckdb"
        self.log = RunLog(settings.private / "runs.sqlite")
        self.number = self.log.begin()
        self.summary = Summary(settings.tenant)

    def read(self, endpoints: Sequence[Endpoint], progress: Progress) -> list[Read]:
        """Read the lists into the spool."""
        found = lists.read(self.settings, endpoints, progress)
        self.summary.faults += found.faults
        self.summary.requests = found.requests
        self.summary.refused = found.refused
        self.summary.waited = found.waited
        return found.read

    def take_in(self, read: Sequence[Read]) -> None:
        """Load what was read, where it changes anything; publish, where what is out is old."""
        with delta.comparing(self.warehouse, self.scratch) as con:
            pairs = self._compare(con, read)
            self.summary.loaded = any(each.changes for _, each in pairs)
            if self.summary.loaded or (pairs and self._is_old()):
                read_at = max(one.scan.ended_at for one, _ in pairs)
                deltas = [each for _, each in pairs]
                made = run.load(con, deltas, self.warehouse, self.scratch, read_at)
                self._put_in_place(made)
        for one, each in pairs:
            reading = _reading(one, each)
            self.log.note(self.number, reading)
            self.summary.readings.append(reading)
        for one in read:
            one.spool.clear()

    def _compare(
        self, con: duckdb.DuckDBPyConnection, read: Sequence[Read]
    ) -> list[tuple[Read, Delta]]:
        """Compare each list with what is held; a first copy that is not whole is left out."""
        fresh = self.log.freshness()
        pairs = []
        for one in read:
            verdict = one.scan.verdict
            held = one.endpoint.name in fresh or delta.held(con, one.endpoint) > 0
            if not verdict.complete:
                self.summary.faults.append(
                    errors.Incomplete(one.endpoint.name, verdict.announced, verdict.seen, held=held)
                )
            if held or verdict.complete:
                each = delta.compare(
                    con,
                    one.endpoint,
                    one.spool.pages(),
                    complete=verdict.complete,
                    quiet=verdict.quiet,
                )
                pairs.append((one, each))
        return pairs

    def _put_in_place(self, made: Path) -> None:
        """Build the views in the copy, make it the warehouse, and publish it.

        A broken view keeps no row from being held: history can't be fetched again.
        """
        models: list[View] = []
        try:
            models = _build(made, self.sql)
        except errors.BrokenSql as fault:
            self.summary.faults.append(fault)
        if self.summary.loaded or models:
            run.commit(made, self.warehouse, keep=self.summary.loaded)
        if models:
            self._publish(models)

    def _publish(self, models: list[View]) -> None:
        about: dict[str, str | datetime] = {
            "tenant": self.settings.tenant,
            "p4books_version": VERSION,
            "published_at": datetime.now(UTC),
            "made_of": self._made_of(),
        }
        out = self.settings.published
        mode = self.settings.published_mode
        try:
            publish.publish(self.warehouse, models, self.scratch, out, about=about, mode=mode)
            self.summary.published = True
        except errors.BrokenSql as fault:
            self.summary.faults.append(fault)

    def _is_old(self) -> bool:
        """Tell whether what is published is missing or was made of something else."""
        if not self.warehouse.exists():
            return True
        return publish.made_of(self.settings.published) != self._made_of()

    def _made_of(self) -> str:
        return f"{self.warehouse.stat().st_mtime_ns}-{views.digest(self.sql)}-{VERSION}"


def _build(made: Path, sql: Path) -> list[View]:
    models = views.read(sql)
    with connect(made) as con:
        con.execute("begin")
        views.build(con, models)
        con.execute("commit")
    return models


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
