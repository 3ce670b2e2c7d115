"""One sync, from the API to the published file."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import (
    BrokenSql,
    CheckFailed,
    OutOfMemory,
    P4BooksError,
    UsageError,
    describe_left_out,
    did_you_mean,
)
from p4books.extract.reader import ExtractedList, ExtractResult, ProgressCallback, read_lists
from p4books.load.delta import DeletionGuard, Delta, compare_lists, open_comparison
from p4books.load.evolution import migrate_if_needed
from p4books.load.pipeline import load_deltas
from p4books.load.run_state import (
    build_endpoint_run,
    build_failed_run,
    describe_backlog,
    load_endpoint_states,
    save_endpoint_state,
)
from p4books.load.schema import (
    NO_VERSIONS,
    VersionCounts,
    count_versions,
    describe_new_fields,
    load_endpoints,
    load_unknown_fields,
    read_state,
)
from p4books.load.warehouse import check_warehouse, replace_warehouse, translate_error
from p4books.publish.publish import is_publish_due, publish_warehouse
from p4books.settings import Settings
from p4books.storage.database import retry_with_more_memory
from p4books.storage.files import scratch_dir, tenant_lock
from p4books.storage.run_log import STOPPED, EndpointRun, RunLog, SyncSummary
from p4books.transform.build import prepare_models
from p4books.transform.models import ModelSet, SqlSources

log = logging.getLogger(__name__)

NOTE_EVERY = 0.5  # seconds between two notes of what a run cost so far

Faults = Mapping[str, P4BooksError]  # by endpoint
Loaded = tuple[list[tuple[ExtractedList, Delta]], Faults, Path | None]


@dataclass(frozen=True)
class SyncOptions:
    """What a run may do beyond the ordinary.

    `full`: read the scans to their end, whatever it costs. `allow_gone`: endpoints of which any
    share may be gone.
    """

    full: bool = False
    allow_gone: frozenset[str] = frozenset()


def sync(  # noqa: PLR0913
    settings: Settings,
    endpoints: Sequence[str] = (),
    progress: ProgressCallback = lambda *_: None,
    sql: Path | None = None,
    *,
    full: bool = False,
    allow_gone: Sequence[str] = (),
) -> SyncSummary:
    """Bring the warehouse and the published file up to date.

    `endpoints` are names of those to read (default: the setting's); `full` reads every list to its
    end, whatever `requests_per_run` says; `allow_gone` names endpoints whose rows may be called
    gone, however many they are. What fails for one endpoint is in `Summary.faults` and stops no
    other. Raises P4BooksError where nothing could be done: AlreadyRunning, KeyRefused, Unreachable,
    WarehouseDamaged, DiskTrouble and the like.
    """
    started = time.monotonic()
    chosen = _validate_endpoints(endpoints or settings.endpoints)
    wishes = SyncOptions(full, frozenset(_validate_endpoints(allow_gone)))
    with tenant_lock(settings), scratch_dir(settings.private / "work") as folder:
        going = _Run(settings, folder, SqlSources.at(sql), wishes)
        try:
            going.prepare()
            going.take_in(going.read([going.endpoints[name] for name in chosen], progress))
        except (P4BooksError, duckdb.Error, OSError) as error:
            told = translate_error(error, going.warehouse, folder)
            going.log.end(going.number, type(told).__name__)
            raise told from None
        except KeyboardInterrupt:
            going.log.end(going.number, STOPPED)
            raise
        faults = going.summary.faults
        going.log.end(going.number, type(faults[0]).__name__ if faults else "done")
    going.summary.seconds = time.monotonic() - started
    return going.summary


def _validate_endpoints(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in ENDPOINTS:
            raise UsageError(f"There is no endpoint {name}{did_you_mean(name, ENDPOINTS)}")
    return list(dict.fromkeys(names))


class _Run:
    """One run: where it works, and what it did so far."""

    def __init__(
        self, settings: Settings, scratch: Path, sql: SqlSources, wishes: SyncOptions
    ) -> None:
        self.settings = settings
        self.scratch = scratch
        self.sql = sql
        self.wishes = wishes
        self.warehouse = settings.private / "warehouse.duckdb"
        self.found = ExtractResult()
        self.log = RunLog(settings.private / "runs.sqlite")
        self.number = self.log.begin()
        self.tally: dict[str, VersionCounts] = {}
        self.summary = SyncSummary(settings.tenant)

    def prepare(self) -> None:
        """Make sure that the warehouse is one of ours, as this p4books makes them."""
        check_warehouse(self.warehouse)
        self.endpoints = load_endpoints(self.warehouse)
        self.unknown = load_unknown_fields(self.warehouse)
        migrate_if_needed(self.warehouse, self.scratch, self.endpoints)

    def read(
        self, endpoints: Sequence[Endpoint], progress: ProgressCallback
    ) -> list[ExtractedList]:
        """Read the lists into the spool, as far as the budget of this run goes."""
        budget = None if self.wishes.full else self.settings.requests_per_run
        self.held = read_state(self.warehouse)
        memory = load_endpoint_states(self.settings, endpoints, self.held, self.log)
        told = self._noting(progress)
        try:
            read_lists(
                self.settings, endpoints, told, memory=memory, requests=budget, out=self.found
            )
        finally:
            self._cost()
        log.info("the lists are read as far as this run goes")
        self.summary.faults += self.found.faults.values()
        return self.found.read

    def _noting(self, progress: ProgressCallback) -> ProgressCallback:
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

    def take_in(self, read: Sequence[ExtractedList]) -> None:
        """Load what was read, where it changes anything; publish, where what is out is old."""
        pairs, faults, made = retry_with_more_memory(partial(self._load, read))
        self.summary.faults += faults.values()
        self.summary.loaded = any(each.changes for _, each in pairs)
        readings = self._tell(read, pairs, faults)
        models: ModelSet | None = None
        if made:
            self.summary.notes += describe_new_fields(self.unknown, load_unknown_fields(made))
            models = self._put_in_place(made, readings)
        for reading in readings:
            self.log.note(self.number, reading)
        for one in read:
            if one.scan.verdict is not None:
                one.spool.clear()
            save_endpoint_state(self.log, self.settings, one)
        self.summary.notes += describe_backlog(self.settings, read, self.held.scans, self.log)
        if models:
            self._publish(models)

    def _load(self, read: Sequence[ExtractedList], memory: str) -> Loaded:
        """Compare what was read with what is held, and load what differs into a copy."""
        guard = DeletionGuard(self.settings.max_gone_share, self.wishes.allow_gone)
        with open_comparison(self.warehouse, self.scratch, memory) as con:
            pairs, faults = compare_lists(con, read, self.held, guard)
            log.info("compared: %d versions to load", sum(each.versions for _, each in pairs))
            if not pairs:
                return pairs, faults, None
            read_at = max(one.scan.ended_at for one, _ in pairs)
            deltas = [each for _, each in pairs]
            made = load_deltas(con, deltas, self.warehouse, self.scratch, read_at, memory)
        log.info("loaded into a copy of the warehouse")
        self.tally = count_versions(made, read_at)
        return pairs, faults, made

    def _tell(
        self,
        read: Sequence[ExtractedList],
        pairs: Sequence[tuple[ExtractedList, Delta]],
        faults: Faults,
    ) -> list[EndpointRun]:
        """Say for the log what became of each endpoint."""
        taken = {one.endpoint.name: each for one, each in pairs}
        for one in read:
            name = one.endpoint.name
            tally = self.tally.get(name, NO_VERSIONS)
            counts, fault = self.found.counts[name], faults.get(name)
            reading = build_endpoint_run(one, taken.get(name), counts, tally, fault)
            self.summary.readings.append(reading)
        failed = sorted(self.found.faults.keys() - {one.endpoint.name for one in read})
        return self.summary.readings + [
            build_failed_run(name, self.found.faults[name], self.found.counts[name])
            for name in failed
        ]

    def _put_in_place(self, made: Path, readings: Sequence[EndpointRun]) -> ModelSet | None:
        """Build the views in the copy, make it the warehouse, and return what is to be published.

        A broken view keeps no row from being held: history can't be fetched again.
        """
        models: ModelSet | None = None
        try:
            if is_publish_due(made, self.settings, self.sql):
                runs = self.log.runs(last=None)
                runs[:1] = [replace(runs[0], readings=tuple(readings))]  # this one, noted below
                models = prepare_models(made, self.settings, self.sql, runs)
        except BrokenSql as fault:
            self.summary.faults.append(fault)
        replace_warehouse(made, self.warehouse, keep=self.summary.loaded)
        log.info("the copy is in place")
        return models

    def _publish(self, models: ModelSet) -> None:
        try:
            done = publish_warehouse(self.warehouse, models, self.scratch, self.settings, self.sql)
            self.summary.published = True
            self.summary.notes += [describe_left_out(fault) for fault in done.left_out]
            log.info("published")
        except (BrokenSql, CheckFailed, OutOfMemory) as fault:
            self.summary.faults.append(fault)
