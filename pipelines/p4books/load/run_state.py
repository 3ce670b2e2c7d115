"""What a run takes from earlier runs, and what it leaves for later ones."""

import math
import statistics
import time
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import P4BooksError
from p4books.extract.client import ApiTarget
from p4books.extract.http import RequestCounts
from p4books.extract.pagination import TAIL_LENGTH, ListOrder, ListProfile
from p4books.extract.probe import ApiCapabilities, ProbeResult, detect_capabilities
from p4books.extract.reader import EndpointState, ExtractedList, ExtractResult, count_runs_to_verify
from p4books.extract.scan import ReadMode
from p4books.load.delta import Delta
from p4books.load.pipeline import LoadResult
from p4books.load.schema import NO_SCAN, NO_VERSIONS, VersionCounts, WarehouseState
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, RunLog

DEFAULT_INTERVAL = 900.0  # seconds between two runs, before the log can tell


def load_endpoint_states(
    settings: Settings, endpoints: Sequence[Endpoint], held: WarehouseState, log: RunLog
) -> dict[str, EndpointState]:
    """Gather what is known of the lists: from the warehouse, and from the run log."""
    known, target = log.known(), ApiTarget.from_settings(settings)
    return {
        endpoint.name: EndpointState(
            has_copy=endpoint.name in held.scans,
            concluded=held.scans.get(endpoint.name, NO_SCAN).concluded,
            profile=_restore_profile(known.get(endpoint.name), target.list_source_json(endpoint)),
        )
        for endpoint in endpoints
    }


def save_endpoint_state(log: RunLog, settings: Settings, one: ExtractedList) -> None:
    """Remember what this run found out about a list."""
    if known := one.scan.profile:
        log.learn(
            one.endpoint.name,
            {
                "source": ApiTarget.from_settings(settings).list_source_json(one.endpoint),
                "size": known.page_size,
                "total": known.total,
                "arrangement": known.order.value,
            },
        )


def save_capabilities(settings: Settings, found: Sequence[ProbeResult]) -> ApiCapabilities | None:
    """Ask the longest list how the API behaves, and remember it; None where no list can be read.

    Raises ApiError where the list can't be read after all.
    """
    lists = [each for each in found if each.announced is not None] or [
        each for each in found if each.fault is None
    ]
    if not lists:
        return None
    longest = max(lists, key=lambda each: each.announced or 0)
    traits = detect_capabilities(settings, ENDPOINTS[longest.endpoint])
    settings.private.mkdir(parents=True, exist_ok=True, mode=0o700)
    RunLog(settings.run_log).found_out(vars(traits))
    return traits


def build_endpoint_runs(
    extracted: ExtractResult, loaded: LoadResult
) -> tuple[list[EndpointRun], list[EndpointRun]]:
    """Describe what a run did: for the endpoints that were read, and for those that failed."""
    runs = [
        build_endpoint_run(
            one,
            loaded.deltas.get(one.endpoint.name),
            extracted.counts[one.endpoint.name],
            loaded.counts.get(one.endpoint.name, NO_VERSIONS),
            loaded.faults.get(one.endpoint.name),
        )
        for one in extracted.lists
    ]
    failed = sorted(extracted.faults.keys() - {one.endpoint.name for one in extracted.lists})
    return runs, [
        build_failed_run(name, extracted.faults[name], extracted.counts[name]) for name in failed
    ]


def build_endpoint_run(
    one: ExtractedList,
    each: Delta | None,
    counts: RequestCounts,
    tally: VersionCounts,
    fault: P4BooksError | None = None,
) -> EndpointRun:
    """Say for the log what this run did for one endpoint; nothing is taken in without a delta.

    `fault` is why it was not taken in as it was read.
    """
    scan, verdict, fault = one.scan, one.scan.outcome, one.fault or fault
    total = scan.profile.total if scan.profile else 0
    return EndpointRun(
        endpoint=one.endpoint.name,
        mode=scan.mode.value,
        outcome=_outcome(one, fault),
        started_at=scan.started_at,
        ended_at=scan.ended_at,
        current_to=scan.current_to if each else None,
        pages=scan.pages,
        announced_pages=scan.announced_pages,
        announced=verdict.announced if verdict else total,
        seen=verdict.seen if verdict else each.seen if each else 0,
        complete=verdict is not None and verdict.complete and fault is None,
        quiet=verdict is not None and verdict.quiet,
        new=each.new if each else 0,
        changed=each.changed if each else 0,
        gone=each.gone if each else 0,
        held=each.held + each.new - each.gone if each else 0,
        findings=tally.findings,
        oldest=tally.oldest,
        **vars(counts),
    )


def build_failed_run(name: str, fault: P4BooksError, counts: RequestCounts) -> EndpointRun:
    """Say for the log that one endpoint could not be read at all."""
    now = time.time()
    return EndpointRun(
        name,
        ReadMode.SKIPPED.value,
        type(fault).__name__,
        started_at=now,
        ended_at=now,
        **vars(counts),
    )


def _outcome(one: ExtractedList, fault: P4BooksError | None) -> str:
    if fault:
        return type(fault).__name__
    return "done" if one.scan.outcome or one.scan.mode is ReadMode.TAIL else "goes on"


def describe_backlog(
    settings: Settings, read: Sequence[ExtractedList], held: Collection[str], log: RunLog
) -> list[str]:
    """Say what is not done yet, and whether the budget is enough."""
    said = [
        f"{one.endpoint.name}: the first copy goes on, {one.scan.pages:,} of about "
        f"{one.scan.announced_pages:,} pages are read. Nothing of it is published before it is "
        "whole: run again, or `p4books sync --full` to read it to its end now."
        for one in read
        if one.scan.outcome is None and one.endpoint.name not in held
    ]
    return said + _describe_slow_verification(settings, read, log)


def _describe_slow_verification(
    settings: Settings, read: Sequence[ExtractedList], log: RunLog
) -> list[str]:
    """Say where rows can't be seen again as often as they should, and what would help."""
    lists = {one.endpoint.name: one.scan.profile for one in read if one.scan.profile}
    budget, age, every = settings.requests_per_run, settings.max_verified_age, _usual_interval(log)

    def hours(requests: int) -> float:
        return count_runs_to_verify(lists, requests) * every / 3600

    if hours(budget) <= max(age, every / 3600):
        return []
    most = range(sum(known.requests + TAIL_LENGTH for known in lists.values()))
    enough = bisect_left(most, x=True, key=lambda requests: hours(requests) <= age)
    ever = math.isfinite(hours(budget))
    takes = f"it takes {hours(budget):,.0f} h to see all rows again" if ever else "rows grow old"
    return [
        (
            f"At {budget:,} requests a run and a run every {every / 60:.0f} min {takes}, and "
            f"`max_verified_age` is {age:g} h: `requests_per_run` = {enough} would do."
        )
    ]


def _usual_interval(log: RunLog) -> float:
    """Return the seconds that usually lie between the beginnings of two runs."""
    began = [run.started_at for run in log.runs(20)]
    gaps = [later - earlier for later, earlier in pairwise(began)]
    return max(statistics.median(gaps), 60.0) if len(gaps) >= 3 else DEFAULT_INTERVAL


def _restore_profile(told: Mapping[str, Any] | None, source: str) -> ListProfile | None:
    """Take what was learned before, if it was of the same list, asked for in the same way."""
    if told is None or told["source"] != source:
        return None
    return ListProfile(told["size"], told["total"], ListOrder(told["arrangement"]))
