"""One sync, from the API to the published file.

Read the lists into the spool; compare them with the warehouse; load the difference into a copy of
it; build the models on the copy; replace the warehouse with the copy; publish. The first file to
read.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    BrokenSql,
    CheckFailed,
    OutOfMemory,
    UsageError,
    describe_left_out,
    did_you_mean,
)
from p4books.extract.reader import ExtractResult, ProgressCallback, ReadOptions, read_lists
from p4books.load.delta import DeletionGuard
from p4books.load.evolution import WarehouseContents, open_warehouse
from p4books.load.pipeline import load_lists
from p4books.load.run_state import (
    build_endpoint_runs,
    describe_backlog,
    load_endpoint_states,
    save_endpoint_state,
)
from p4books.load.schema import describe_new_fields, load_unknown_fields
from p4books.load.warehouse import replace_warehouse, translate_errors
from p4books.publish.publish import prepare_if_due, publish_warehouse
from p4books.settings import Settings
from p4books.storage.database import retry_with_more_memory
from p4books.storage.files import scratch_dir, tenant_lock
from p4books.storage.run_log import RunLog, RunRecorder, SyncSummary, record_run
from p4books.transform.models import ModelSet, SqlSources

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SyncOptions:
    """What a run does beyond the ordinary.

    `full`: read every scan to its end, regardless of `requests_per_run`. `allow_gone`: endpoints of
    which any share of the rows may be gone.
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

    `endpoints` are the names of those to read (default: the setting's); `full` reads every list to
    its end, whatever `requests_per_run` says; `allow_gone` names endpoints whose rows may be closed
    however many are gone. What fails for one endpoint is in `SyncSummary.faults` and does not stop
    the others. Raises P4BooksError if nothing could be done: AlreadyRunning, KeyRefused,
    Unreachable, WarehouseDamaged, DiskTrouble and the like.
    """
    started = time.monotonic()
    names = _validate_endpoints(endpoints or settings.endpoints)
    options = SyncOptions(full, frozenset(_validate_endpoints(allow_gone)))
    sources = SqlSources.at(sql)
    summary = SyncSummary(settings.tenant)
    with (
        tenant_lock(settings),
        scratch_dir(settings.work) as scratch,
        record_run(RunLog(settings.run_log), summary) as run,
        translate_errors(settings.warehouse, scratch),
    ):
        before = open_warehouse(settings.warehouse, scratch)

        extracted = _extract(settings, before, names, options, run, progress)
        log.info("the lists are read as far as this run goes")

        guard = DeletionGuard(settings.max_gone_share, options.allow_gone)
        load = partial(
            load_lists, extracted.lists, before.state, settings.warehouse, scratch, guard
        )
        loaded = retry_with_more_memory(load)
        log.info("compared: %d versions to load", loaded.versions)
        summary.faults += loaded.faults.values()
        summary.loaded = loaded.has_changes
        endpoint_runs, failed_runs = build_endpoint_runs(extracted, loaded)
        summary.readings += endpoint_runs

        models: ModelSet | None = None
        if loaded.copy:
            unknown = load_unknown_fields(loaded.copy)
            summary.notes += describe_new_fields(before.unknown, unknown)
            try:  # a broken model keeps no row from being stored: history can't be fetched again
                runs = run.log_with([*endpoint_runs, *failed_runs])
                models = prepare_if_due(loaded.copy, settings, sources, runs)
            except BrokenSql as fault:
                summary.faults.append(fault)
            replace_warehouse(loaded.copy, settings.warehouse, keep=summary.loaded)
            log.info("the copy is in place")

        run.note([*endpoint_runs, *failed_runs])
        for one in extracted.lists:
            if one.scan.outcome is not None:
                one.spool.clear()
            save_endpoint_state(run.log, settings, one)
        summary.notes += describe_backlog(settings, extracted.lists, before.state.scans, run.log)

        if models:
            _publish(settings, models, scratch, sources, summary)
    summary.seconds = time.monotonic() - started
    return summary


def _validate_endpoints(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in ENDPOINTS:
            raise UsageError(f"There is no endpoint {name}{did_you_mean(name, ENDPOINTS)}")
    return list(dict.fromkeys(names))


def _extract(  # noqa: PLR0913
    settings: Settings,
    before: WarehouseContents,
    names: Sequence[str],
    options: SyncOptions,
    run: RunRecorder,
    progress: ProgressCallback,
) -> ExtractResult:
    """Read the lists into the spool, as far as the request budget of this run goes."""
    endpoints = [before.endpoints[name] for name in names]
    states = load_endpoint_states(settings, endpoints, before.state, run.log)
    requests = None if options.full else settings.requests_per_run
    extracted = ExtractResult()

    def note_cost() -> None:
        cost = extracted.total
        run.note_cost(cost.requests, cost.refused, cost.waited)

    def note_progress(endpoint: str, pages: int, announced: int, rows: int) -> None:
        run.note_now_and_then(note_cost)  # a killed run is in the log too, with its cost
        progress(endpoint, pages, announced, rows)

    try:
        read_options = ReadOptions(note_progress, requests=requests)
        read_lists(settings, endpoints, states, read_options, extracted)
    finally:
        note_cost()
    run.summary.faults += extracted.faults.values()
    return extracted


def _publish(
    settings: Settings, models: ModelSet, scratch: Path, sources: SqlSources, summary: SyncSummary
) -> None:
    try:
        done = publish_warehouse(settings.warehouse, models, scratch, settings, sources)
    except (BrokenSql, CheckFailed, OutOfMemory) as fault:
        summary.faults.append(fault)
        return
    summary.published = True
    summary.notes += [describe_left_out(fault) for fault in done.left_out]
    log.info("published")
