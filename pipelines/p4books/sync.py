"""What happens in a sync?

Read the lists into the spool; compare them with what is held; load the difference into a copy of
the warehouse; build the views; put the copy in place; publish. The first file to read.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from p4books import account, errors, intake, release
from p4books.alone import alone, scratch
from p4books.api import lists
from p4books.api.lists import Progress, Read
from p4books.database import roomier
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.load import delta, fields, run, tables
from p4books.load.delta import Delta
from p4books.nearest import nearest
from p4books.runlog import STOPPED, Reading, RunLog
from p4books.settings import Settings
from p4books.summary import Summary
from p4books.warehouse.errors import BrokenSql, CheckFailed, left_out
from p4books.warehouse.models import Found, Sources

log = logging.getLogger(__name__)

NOTE_EVERY = 0.5  # seconds between two notes of what a run cost so far

Faults = Mapping[str, errors.P4BooksError]  # by endpoint
Loaded = tuple[list[tuple[Read, Delta]], Faults, Path | None]


@dataclass(frozen=True)
class Wishes:
    """What a run may do beyond the ordinary.

    `full`: read the scans to their end, whatever it costs. `allow_gone`: endpoints of which any
    share may be gone.
    """

    full: bool = False
    allow_gone: frozenset[str] = frozenset()


def sync(  # noqa: PLR0913
    settings: Settings,
    endpoints: Sequence[str] = (),
    progress: Progress = lambda *_: None,
    sql: Path | None = None,
    *,
    full: bool = False,
    allow_gone: Sequence[str] = (),
) -> Summary:
    """Bring the warehouse and the published file up to date.

    `endpoints` are names of those to read (default: the setting's); `full` reads every list to its
    end, whatever `requests_per_run` says; `allow_gone` names endpoints whose rows may be called
    gone, however many they are. What fails for one endpoint is in `Summary.faults` and stops no
    other. Raises P4BooksError where nothing could be done: AlreadyRunning, KeyRefused, Unreachable,
    WarehouseDamaged, DiskTrouble and the like.
    """
    started = time.monotonic()
    chosen = _chosen(endpoints or settings.endpoints)
    wishes = Wishes(full, frozenset(_chosen(allow_gone)))
    with alone(settings), scratch(settings.private / "work") as folder:
        going = _Run(settings, folder, Sources.at(sql), wishes)
        try:
            going.prepare()
            going.take_in(going.read([going.endpoints[name] for name in chosen], progress))
        except (errors.P4BooksError, duckdb.Error, OSError) as error:
            told = run.said(error, going.warehouse, folder)
            going.log.end(going.number, type(told).__name__)
            raise told from None
        except KeyboardInterrupt:
            going.log.end(going.number, STOPPED)
            raise
        faults = going.summary.faults
        going.log.end(going.number, type(faults[0]).__name__ if faults else "done")
    going.summary.seconds = time.monotonic() - started
    return going.summary


def _chosen(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in ENDPOINTS:
            raise errors.UsageError(f"There is no endpoint {name}{nearest(name, ENDPOINTS)}")
    return list(dict.fromkeys(names))


class _Run:
    """One run: where it works, and what it did so far."""

    def __init__(self, settings: Settings, scratch: Path, sql: Sources, wishes: Wishes) -> None:
        self.settings = settings
        self.scratch = scratch
        self.sql = sql
        self.wishes = wishes
        self.warehouse = settings.private / "warehouse.duckdb"
        self.found = lists.Lists()
        self.log = RunLog(settings.private / "runs.sqlite")
        self.number = self.log.begin()
        self.tally: dict[str, tables.Tally] = {}
        self.summary = Summary(settings.tenant)

    def prepare(self) -> None:
        """Make sure that the warehouse is one of ours, as this p4books makes them."""
        tables.doubt(self.warehouse)
        self.endpoints = fields.endpoints(self.warehouse)
        self.unknown = fields.unknown(self.warehouse)
        run.renew(self.warehouse, self.scratch, self.endpoints)

    def read(self, endpoints: Sequence[Endpoint], progress: Progress) -> list[Read]:
        """Read the lists into the spool, as far as the budget of this run goes."""
        budget = None if self.wishes.full else self.settings.requests_per_run
        self.held = tables.held(self.warehouse)
        memory = account.memory(self.settings, endpoints, self.held, self.log)
        told = self._noting(progress)
        try:
            lists.read(
                self.settings, endpoints, told, memory=memory, requests=budget, out=self.found
            )
        finally:
            self._cost()
        log.info("the lists are read as far as this run goes")
        self.summary.faults += self.found.faults.values()
        return self.found.read

    def _noting(self, progress: Progress) -> Progress:
        """Note what the run cost so far, now and then: a killed run is in the log too."""
        noted = 0.0

        def told(*figures: Any) -> None:
            nonlocal noted
            if time.monotonic() - noted >= NOTE_EVERY:
                noted = time.monotonic()
                self._cost()
            progress(*figures)

        return told

    def _cost(self) -> None:
        cost = self.found.total
        self.log.cost(self.number, cost.requests, cost.refused, cost.waited)
        self.summary.requests, self.summary.refused = cost.requests, cost.refused
        self.summary.waited = cost.waited

    def take_in(self, read: Sequence[Read]) -> None:
        """Load what was read, where it changes anything; publish, where what is out is old."""
        pairs, faults, made = roomier(partial(self._load, read))
        self.summary.faults += faults.values()
        self.summary.loaded = any(each.changes for _, each in pairs)
        readings = self._tell(read, pairs, faults)
        models: Found | None = None
        if made:
            self.summary.notes += fields.news(self.unknown, fields.unknown(made))
            models = self._put_in_place(made, readings)
        for reading in readings:
            self.log.note(self.number, reading)
        for one in read:
            if one.scan.verdict is not None:
                one.spool.clear()
            account.learn(self.log, self.settings, one)
        self.summary.notes += account.notes(self.settings, read, self.held.scans, self.log)
        if models:
            self._publish(models)

    def _load(self, read: Sequence[Read], memory: str) -> Loaded:
        """Compare what was read with what is held, and load what differs into a copy."""
        guard = intake.Guard(self.settings.max_gone_share, self.wishes.allow_gone)
        with delta.comparing(self.warehouse, self.scratch, memory) as con:
            pairs, faults = intake.compare(con, read, self.held, guard)
            log.info("compared: %d versions to load", sum(each.versions for _, each in pairs))
            if not pairs:
                return pairs, faults, None
            read_at = max(one.scan.ended_at for one, _ in pairs)
            deltas = [each for _, each in pairs]
            made = run.load(con, deltas, self.warehouse, self.scratch, read_at, memory)
        log.info("loaded into a copy of the warehouse")
        self.tally = tables.tally(made, read_at)
        return pairs, faults, made

    def _tell(
        self, read: Sequence[Read], pairs: Sequence[tuple[Read, Delta]], faults: Faults
    ) -> list[Reading]:
        """Say for the log what became of each endpoint."""
        taken = {one.endpoint.name: each for one, each in pairs}
        for one in read:
            name = one.endpoint.name
            tally = self.tally.get(name, tables.NOTHING)
            counts, fault = self.found.counts[name], faults.get(name)
            reading = account.reading(one, taken.get(name), counts, tally, fault)
            self.summary.readings.append(reading)
        failed = sorted(self.found.faults.keys() - {one.endpoint.name for one in read})
        return self.summary.readings + [
            account.failed(name, self.found.faults[name], self.found.counts[name])
            for name in failed
        ]

    def _put_in_place(self, made: Path, readings: Sequence[Reading]) -> Found | None:
        """Build the views in the copy, make it the warehouse, and return what is to be published.

        A broken view keeps no row from being held: history can't be fetched again.
        """
        models: Found | None = None
        try:
            if release.is_due(made, self.settings, self.sql):
                runs = self.log.runs(last=None)
                runs[:1] = [replace(runs[0], readings=tuple(readings))]  # this one, noted below
                models = release.build(made, self.settings, self.sql, runs)
        except BrokenSql as fault:
            self.summary.faults.append(fault)
        run.commit(made, self.warehouse, keep=self.summary.loaded)
        log.info("the copy is in place")
        return models

    def _publish(self, models: Found) -> None:
        try:
            done = release.release(self.warehouse, models, self.scratch, self.settings, self.sql)
            self.summary.published = True
            self.summary.notes += [left_out(fault) for fault in done.left_out]
            log.info("published")
        except (BrokenSql, CheckFailed, errors.OutOfMemory) as fault:
            self.summary.faults.append(fault)
