"""One sync, from the API to the published file.

Read the lists into the spool; compare them with the warehouse; load the difference into a copy of
it; replace the warehouse with the copy; build the models and publish them. The first file to read.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb

from p4books.endpoints import get_endpoint
from p4books.errors import (
    BrokenSeed,
    BrokenSql,
    CheckFailed,
    OutOfMemory,
    P4BooksError,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    PublishedHasMore,
    describe_left_out,
)
from p4books.extract.clock import MAX_SKEW, ClockCheck
from p4books.extract.reader import (
    ExtractResult,
    Pause,
    ProgressCallback,
    ReadOptions,
    read_lists,
)
from p4books.home import HeldState, StateNotPut, hold_state, refresh_state
from p4books.load.books import (
    check_books,
    check_existing,
    check_not_lost,
    continue_from_generation,
    find_unfinished_lists,
    start_from_nothing,
)
from p4books.load.evolution import WarehouseContents, open_warehouse
from p4books.load.guards import DeletionGuard, Guards, IdentityGuard
from p4books.load.instants import correct_future_times, find_known_times
from p4books.load.pipeline import LoadResult, load_lists
from p4books.load.run_state import (
    build_endpoint_runs,
    describe_backlog,
    load_endpoint_states,
    save_endpoint_states,
)
from p4books.load.schema import Origin, describe_new_fields
from p4books.load.warehouse import replace_warehouse, translate_errors
from p4books.publish.deliver import deliver_published
from p4books.publish.publish import is_publish_due, publish_warehouse
from p4books.publish.published_file import (
    FileState,
    describe_damage,
    find_access,
    inspect_published,
    renew_access,
)
from p4books.settings import Settings, normalize_address
from p4books.storage.database import retry_with_more_memory
from p4books.storage.files import scratch_dir
from p4books.storage.run_log import (
    EndpointRun,
    RunLog,
    RunRecorder,
    SyncSummary,
    record_end,
    record_run,
)
from p4books.storage.unlogged import record_unlogged, remove_unlogged
from p4books.transform.inputs import ModelInputs
from p4books.transform.models import ModelSet, SqlSources

log = logging.getLogger(__name__)


def sync(  # noqa: PLR0913 - the use case: all that a caller can choose
    settings: Settings,
    endpoints: Sequence[str] = (),
    progress: ProgressCallback = lambda *_: None,
    sql: Path | None = None,
    *,
    full: bool = False,
    allow_gone: Sequence[str] = (),
    allow_changed: Sequence[str] = (),
    same_books: bool = False,
    from_nothing: bool = False,
    existing: bool = False,
    summary: SyncSummary | None = None,
    trust_clock: bool = False,
    clock: Callable[[], float] = time.time,
    pause: Pause = nullcontext,
) -> SyncSummary:
    """Bring the warehouse and the published file up to date.

    `endpoints` are the names of those to read (default: the setting's); `full` reads every list to
    its end, regardless of `requests_per_run`; `allow_gone` names endpoints whose rows may be closed
    however many are gone, `allow_changed` those whose rows may have become others; `same_books`
    says that another address has the same books; `from_nothing` begins with an empty warehouse;
    `existing` says that there must be an earlier run to continue from;
    `trust_clock` loads even if the clock of this machine, `clock` in seconds since 1970, seems to
    be wrong; `summary`, filled in place, shows what was done even if an error is raised; each wait
    for the rate limiter is within a `pause`. What fails
    for one endpoint is in `SyncSummary.faults` and does not stop the others. Raises P4BooksError if
    nothing could be done: AlreadyRunning, KeyRefused, Unreachable, ClockWrong, WarehouseLost,
    WarehouseDamaged, OtherBooks, DiskTrouble, PostgresTrouble and the like.
    """
    find_access(settings)
    names = _validate_endpoints(endpoints) or list(settings.endpoints)
    budget = None if full else settings.requests_per_run
    guards = Guards(
        DeletionGuard(settings.max_gone_share, _validate_endpoints(allow_gone)),
        IdentityGuard(settings.max_changed_share, _validate_endpoints(allow_changed)),
    )
    sources = SqlSources.at(sql)
    summary = summary or SyncSummary(settings.tenant)
    with (
        _measure_time(summary),
        _hold(settings, summary, existing=existing) as state,
        scratch_dir(settings.work) as scratch,
        record_run(RunLog(settings.run_log), summary) as run,
        translate_errors(settings.warehouse, scratch),
    ):
        before = _open(settings, scratch, run, same_books=same_books, from_nothing=from_nothing)

        known_times = find_known_times(settings.warehouse, clock() + MAX_SKEW)
        clock_check = ClockCheck(known_times, clock, trust=trust_clock)
        options = ReadOptions(
            _check_first(state, progress), requests=budget, clock_check=clock_check, pause=pause
        )
        try:
            extracted = _extract(settings, before, names, run, options)
        except P4BooksError:  # whatever P4 Books answers, readers get back what they had
            with suppress(P4BooksError, OSError, duckdb.Error):
                state.check()
                found = inspect_published(settings)
                _keep_published(settings, before, found, scratch, sources, run)
                _deliver(settings, scratch, run)
                _write_lake(settings, scratch, run, state)
            raise
        log.info("lists read as far as this run goes")
        state.check()
        _correct_times(settings, scratch, run, clock_check)

        origin = Origin(normalize_address(settings.address), run.number)
        loaded = _load(settings, extracted, before, guards, scratch, origin)
        endpoint_runs = build_endpoint_runs(extracted, loaded)
        _summarize(summary, extracted, loaded, before, endpoint_runs)
        log.info("%d versions loaded into a copy of the warehouse", loaded.versions)

        state.check()
        has_less = _has_less_than_published(settings, before, extracted, loaded, scratch, summary)
        if loaded.copy:
            keep = loaded.has_changes and bool(before.state.scans)  # one without rows is no backup
            replace_warehouse(loaded.copy, settings.warehouse, keep=keep)
            log.info("copy in place")

        run.record_endpoint_runs(endpoint_runs)
        _remember(settings, extracted, loaded, run)
        summary.notes += describe_backlog(settings, extracted.lists, before.state.scans, run.log)

        found = inspect_published(settings)
        if loaded.copy and not has_less and is_publish_due(settings, sources, found):
            _publish_reports(settings, found, scratch, sources, run)
        else:
            _keep_published(settings, before, found, scratch, sources, run)
        state.check()
        _deliver(settings, scratch, run)
        _write_lake(settings, scratch, run, state)
    return summary


@contextmanager
def _hold(settings: Settings, summary: SyncSummary, *, existing: bool) -> Iterator[HeldState]:
    """Hold the tenant's state; if that fails, the log cannot be written, and this machine notes it.

    Raises what `hold_state` does, and for `existing` what `check_existing` does.
    """
    with record_unlogged(settings, summary):
        if existing:
            refresh_state(settings, wait=0)
            check_existing(settings)
        on_not_put = partial(_record_not_put, settings, summary)
        with hold_state(settings, on_not_put=on_not_put) as state:
            remove_unlogged(settings)
            yield state


def _record_not_put(settings: Settings, summary: SyncSummary, fault: StateNotPut) -> None:
    """Record that a run was done, but that other machines do not have what it did."""
    summary.faults.append(fault)
    record_end(RunLog(settings.run_log), summary)


def _check_first(state: HeldState, progress: ProgressCallback) -> ProgressCallback:
    """Return a callback that stops the run if another machine may have begun one."""

    def show_progress(endpoint: str, pages: int, announced: int, rows: int) -> None:
        state.check()
        progress(endpoint, pages, announced, rows)

    return show_progress


def update_lake(settings: Settings) -> tuple[str, ...]:
    """Write what the lake, if there is one, lacks of the published file, without a sync.

    Returns notes. Raises AlreadyRunning, and what `p4books.lake.write_lake` raises.
    """
    if not settings.lake or not settings.lake.storage:
        return ()
    from p4books.lake import write_lake  # noqa: PLC0415 - only for those who have one

    with hold_state(settings) as state, scratch_dir(settings.work) as scratch:
        done = write_lake(settings, None, scratch, state.is_mine)
    return done.notes if done else ()


@contextmanager
def _measure_time(summary: SyncSummary) -> Iterator[None]:
    """Record how long a run took, also if it fails."""
    started = time.monotonic()
    try:
        yield
    finally:
        summary.seconds = time.monotonic() - started


def _validate_endpoints(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(get_endpoint(name).name for name in names))


def _open(
    settings: Settings, scratch: Path, run: RunRecorder, *, same_books: bool, from_nothing: bool
) -> WarehouseContents:
    """Open the warehouse, if it is there and has the books of this address."""
    notes = run.summary.notes
    if from_nothing:
        notes.append(start_from_nothing(settings, scratch, run.log, run.number))
    check_not_lost(settings)
    before = open_warehouse(settings.warehouse, scratch)
    if not same_books:
        check_books(settings, before.state, run.log)
    if restored := continue_from_generation(settings, scratch, before.state, run.log, run.number):
        notes.append(restored)
    return before


def _extract(
    settings: Settings,
    before: WarehouseContents,
    names: Sequence[str],
    run: RunRecorder,
    options: ReadOptions,
) -> ExtractResult:
    """Read the lists into the spool, as far as the requests in `options` go."""
    endpoints = [before.endpoints[name] for name in names]
    states = load_endpoint_states(settings, endpoints, before.state, run.log)
    extracted = ExtractResult()

    def record_cost() -> None:
        cost = extracted.total
        run.record_cost(cost.requests, cost.refused, cost.waited)

    def show_progress(endpoint: str, pages: int, announced: int, rows: int) -> None:
        run.throttle(record_cost)  # a killed run is in the log too, with its cost
        options.progress(endpoint, pages, announced, rows)

    try:
        read_options = replace(options, progress=show_progress)
        read_lists(settings, endpoints, states, read_options, extracted)
    finally:
        record_cost()
    run.summary.faults += extracted.faults.values()
    return extracted


def _correct_times(
    settings: Settings, scratch: Path, run: RunRecorder, clock_check: ClockCheck
) -> None:
    """Correct what runs stored whose clock was ahead, now that the clock was checked."""
    now = clock_check.clock()
    run.summary.notes += clock_check.describe_skew()
    run.log.correct_future_times(now)
    run.log.delete_old_details(now)
    if note := correct_future_times(settings.warehouse, scratch, now, clock_check.known_times):
        run.summary.notes.append(note)


def _load(  # noqa: PLR0913 - one step of sync, with what it works on
    settings: Settings,
    extracted: ExtractResult,
    before: WarehouseContents,
    guards: Guards,
    scratch: Path,
    origin: Origin,
) -> LoadResult:
    load = partial(
        load_lists,
        extracted.lists,
        before.state,
        settings.warehouse,
        scratch,
        guards,
        origin=origin,
    )
    return retry_with_more_memory(load)


def _summarize(
    summary: SyncSummary,
    extracted: ExtractResult,
    loaded: LoadResult,
    before: WarehouseContents,
    endpoint_runs: Sequence[EndpointRun],
) -> None:
    read = {list_.endpoint.name for list_ in extracted.lists}
    summary.readings += [run for run in endpoint_runs if run.endpoint in read]
    summary.faults += loaded.faults.values()
    summary.notes += loaded.waiting
    summary.loaded = loaded.has_changes
    if loaded.copy:
        summary.notes += describe_new_fields(before.unknown, loaded.unknown)


def _has_less_than_published(  # noqa: PLR0913 - one step of sync, with what it works on
    settings: Settings,
    before: WarehouseContents,
    extracted: ExtractResult,
    loaded: LoadResult,
    scratch: Path,
    summary: SyncSummary,
) -> bool:
    """Return whether the published file has lists that the warehouse does not have yet.

    That is an error, unless this run brought each of them nearer to its end.
    """
    copied = before.state.scans.keys() | loaded.deltas.keys()
    unfinished = find_unfinished_lists(settings, scratch, copied)
    if not unfinished:
        return False
    error = PublishedHasMore(settings.published, unfinished)
    read = {list_.endpoint.name for list_ in extracted.lists}
    if read - extracted.faults.keys() - loaded.faults.keys() >= set(unfinished):
        summary.notes.append(str(error))
    else:
        summary.faults.append(error)
    return True


def _remember(
    settings: Settings, extracted: ExtractResult, loaded: LoadResult, run: RunRecorder
) -> None:
    """Clear the spools of finished and rejected scans; save what was learned about each list."""
    rejected = loaded.faults.keys() - loaded.deltas.keys()  # which may have pages of other books
    for list_ in extracted.lists:
        if list_.endpoint.name in rejected or list_.scan.outcome is not None:
            list_.spool.clear()
    known = [list_ for list_ in extracted.lists if list_.endpoint.name not in rejected]
    save_endpoint_states(run.log, settings, known)


def _publish(
    settings: Settings,
    summary: SyncSummary,
    publish: Callable[[], ModelSet | None],
    damage: str | None,
) -> None:
    """Publish, and record it in the summary; errors become faults.

    `publish` returns the models published, None if it only renews the file; `damage` is what had
    happened to it before.
    """
    try:
        done = publish()
    except (BrokenSql, CheckFailed, OutOfMemory, PublishedFileBlocked) as fault:
        if str(fault) not in {str(other) for other in summary.faults}:
            summary.faults.append(fault)
        return
    except PublishedFileUnreadable as fault:
        summary.published = True
        summary.faults.append(fault)
        return
    if done is None:
        return
    summary.published = True
    summary.left_out = sum(not isinstance(fault, BrokenSeed) for fault in done.left_out)
    summary.notes += [describe_left_out(fault) for fault in done.left_out]
    if damage:
        summary.notes.append(describe_damage(settings.published, damage))
    log.info("published")


def _publish_reports(
    settings: Settings, found: FileState, scratch: Path, sources: SqlSources, run: RunRecorder
) -> None:
    inputs = ModelInputs(settings, sources, run.log.load_runs(last=None))
    publish = partial(publish_warehouse, settings.warehouse, inputs, scratch, found)
    _publish(settings, run.summary, publish, found.damage)


def _keep_published(  # noqa: PLR0913 - one step of sync, with what it works on
    settings: Settings,
    before: WarehouseContents,
    found: FileState,
    scratch: Path,
    sources: SqlSources,
    run: RunRecorder,
) -> None:
    """Undo what other programs did to the published file, and apply a new mode or group.

    Not if the published file has rows that the warehouse does not have yet.
    """
    if find_unfinished_lists(settings, scratch, before.state.scans):
        return
    if found.damage and settings.warehouse.exists():
        _publish_reports(settings, found, scratch, sources, run)
    else:
        _publish(settings, run.summary, partial(renew_access, settings, scratch), None)


def _deliver(settings: Settings, scratch: Path, run: RunRecorder) -> None:
    """Leave files of the published books where the setting `deliver` wants them."""
    if not settings.deliver:
        return
    folder = scratch / "deliver"
    folder.mkdir()
    done = deliver_published(settings, folder)
    run.summary.delivered += done.files
    run.summary.faults += done.faults


def _write_lake(settings: Settings, scratch: Path, run: RunRecorder, state: HeldState) -> None:
    """Write what the lake, if there is one, lacks of the published file."""
    if not settings.lake:
        return
    from p4books.lake import write_lake  # noqa: PLC0415 - only for those who have one

    try:
        done = write_lake(settings, run.number, scratch, state.is_mine)
    except P4BooksError as fault:
        run.summary.faults.append(fault)
        return
    if done:
        run.summary.snapshot = done.number
        run.summary.notes += done.notes
        if done.number is not None and not run.summary.published:
            note = f"The lake now has what was published before: snapshot {done.number}."
            run.summary.notes.append(note)
        log.info("lake written")
