"""State kept between runs: list profiles, API capabilities, the log entries of a run."""

import math
import statistics
import time
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
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
from p4books.home import hold_state
from p4books.load.delta import Delta
from p4books.load.pipeline import LoadResult
from p4books.load.schema import NO_SCAN, NO_VERSIONS, VersionCounts, WarehouseState
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, RunLog

DEFAULT_INTERVAL = 900.0  # seconds between two runs, until the log has enough of them


def load_endpoint_states(
    settings: Settings, endpoints: Sequence[Endpoint], state: WarehouseState, log: RunLog
) -> dict[str, EndpointState]:
    """Return what earlier runs learned about the lists, from the warehouse and the run log."""
    profiles, target = log.load_list_profiles(), ApiTarget.from_settings(settings)
    return {
        endpoint.name: EndpointState(
            has_copy=endpoint.name in state.scans,
            concluded=state.scans.get(endpoint.name, NO_SCAN).concluded,
            profile=_restore_profile(
                profiles.get(endpoint.name), target.list_source_json(endpoint)
            ),
        )
        for endpoint in endpoints
    }


def save_endpoint_states(log: RunLog, settings: Settings, lists: Sequence[ExtractedList]) -> None:
    """Save what this run learned about its lists."""
    target = ApiTarget.from_settings(settings)
    profiles = {
        list_.endpoint.name: {
            "source": target.list_source_json(list_.endpoint),
            "size": profile.page_size,
            "total": profile.total,
            "arrangement": profile.order.value,
        }
        for list_ in lists
        if (profile := list_.scan.profile)
    }
    log.save_list_profiles(profiles)


def save_capabilities(settings: Settings, probes: Sequence[ProbeResult]) -> ApiCapabilities | None:
    """Detect how the API behaves from its longest list, and save it; None if no list is readable.

    Raises ApiError if that list can't be read after all.
    """
    lists = [probe for probe in probes if probe.announced is not None] or [
        probe for probe in probes if probe.fault is None
    ]
    if not lists:
        return None
    longest = max(lists, key=lambda probe: probe.announced or 0)
    capabilities = detect_capabilities(settings, ENDPOINTS[longest.endpoint])
    settings.private.mkdir(parents=True, exist_ok=True, mode=0o700)
    with hold_state(settings, "check") if settings.home else nullcontext():
        RunLog(settings.run_log).save_capabilities(vars(capabilities))
    return capabilities


def build_endpoint_runs(extracted: ExtractResult, loaded: LoadResult) -> list[EndpointRun]:
    """Return the log entries of the endpoints that were read, then of those that failed."""
    runs = [
        build_endpoint_run(
            read,
            loaded.deltas.get(read.endpoint.name),
            extracted.counts[read.endpoint.name],
            loaded.counts.get(read.endpoint.name, NO_VERSIONS),
            loaded.faults.get(read.endpoint.name),
        )
        for read in extracted.lists
    ]
    failed = sorted(extracted.faults.keys() - {read.endpoint.name for read in extracted.lists})
    return runs + [
        build_failed_run(name, extracted.faults[name], extracted.counts[name]) for name in failed
    ]


def build_endpoint_run(
    extracted: ExtractedList,
    delta: Delta | None,
    requests: RequestCounts,
    versions: VersionCounts,
    fault: P4BooksError | None = None,
) -> EndpointRun:
    """Return the log entry of an endpoint that was read; without a delta nothing was loaded.

    `fault` is why it was not loaded, or not as it was read.
    """
    scan, outcome = extracted.scan, extracted.scan.outcome
    fault = extracted.fault or fault
    total = scan.profile.total if scan.profile else 0
    return EndpointRun(
        endpoint=extracted.endpoint.name,
        mode=scan.mode.value,
        outcome=_describe_outcome(extracted, delta, fault),
        started_at=scan.started_at,
        ended_at=scan.ended_at,
        current_to=scan.current_to if delta else None,
        pages=scan.pages,
        announced_pages=scan.announced_pages,
        announced=outcome.announced if outcome else total,
        seen=outcome.seen if outcome else delta.seen if delta else 0,
        complete=outcome is not None and outcome.complete and fault is None,
        quiet=outcome is not None and outcome.quiet,
        new=delta.new if delta else 0,
        changed=delta.changed if delta else 0,
        gone=delta.gone if delta else 0,
        held=delta.held + delta.new - delta.gone if delta else 0,
        findings=versions.findings,
        oldest=versions.oldest,
        **vars(requests),
    )


def build_failed_run(name: str, fault: P4BooksError, requests: RequestCounts) -> EndpointRun:
    """Return the log entry of an endpoint that could not be read at all."""
    now = time.time()
    return EndpointRun(
        name,
        ReadMode.SKIPPED.value,
        type(fault).__name__,
        started_at=now,
        ended_at=now,
        **vars(requests),
    )


def _describe_outcome(
    extracted: ExtractedList, delta: Delta | None, fault: P4BooksError | None
) -> str:
    if fault:
        return type(fault).__name__
    is_tail = extracted.scan.mode is ReadMode.TAIL and delta is not None
    return "done" if extracted.scan.outcome or is_tail else "goes on"


def describe_backlog(
    settings: Settings, lists: Sequence[ExtractedList], complete: Collection[str], log: RunLog
) -> list[str]:
    """Return notes on first copies in progress, and on a request budget that is too small.

    `complete` are the endpoints of which the warehouse has a complete copy.
    """
    unfinished = [
        f"{list_.endpoint.name} ({list_.scan.pages:,} of about {list_.scan.announced_pages:,})"
        for list_ in lists
        if list_.scan.outcome is None and list_.endpoint.name not in complete
    ]
    notes = _describe_slow_verification(settings, lists, log)
    if not unfinished:
        return notes
    copies = "The first copy is" if len(unfinished) == 1 else "First copies are"
    note = (
        f"{copies} in progress; pages read so far: {', '.join(unfinished)}. A list is published "
        "when it is complete: run again, or run `p4books sync --full` to read all to the end now."
    )
    return [note, *notes]


def _describe_slow_verification(
    settings: Settings, lists: Sequence[ExtractedList], log: RunLog
) -> list[str]:
    """Return a note if rows can't be verified as often as they should, with what would help."""
    profiles = {list_.endpoint.name: list_.scan.profile for list_ in lists if list_.scan.profile}
    budget, age = settings.requests_per_run, settings.max_verified_age
    interval = _usual_interval(log)

    def hours(requests: int) -> float:
        return count_runs_to_verify(profiles, requests) * interval / 3600

    if hours(budget) <= max(age, interval / 3600):
        return []
    budgets = range(sum(profile.requests + TAIL_LENGTH for profile in profiles.values()))
    enough = bisect_left(budgets, x=True, key=lambda requests: hours(requests) <= age)
    takes = "not all rows are ever read again"
    if math.isfinite(hours(budget)):
        takes = f"it takes {hours(budget):,.0f} h to read all rows again"
    return [
        (
            f"At {budget:,} requests per run and a run every {interval / 60:.0f} min, {takes}, but "
            f"`max_verified_age` is {age:g} h. `requests_per_run` = {enough} would be enough."
        )
    ]


def _usual_interval(log: RunLog) -> float:
    """Return the median seconds between the starts of two runs."""
    gaps = [later - earlier for later, earlier in pairwise(log.load_starts(20))]
    return max(statistics.median(gaps), 60.0) if len(gaps) >= 3 else DEFAULT_INTERVAL


def _restore_profile(saved: Mapping[str, Any] | None, source: str) -> ListProfile | None:
    """Return the saved profile if it is of the same list, requested in the same way."""
    if saved is None or saved["source"] != source:
        return None
    return ListProfile(saved["size"], saved["total"], ListOrder(saved["arrangement"]))
