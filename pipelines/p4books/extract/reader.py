"""All lists of a run, read in parallel within its request budget."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial

from p4books.endpoints.definition import Endpoint
from p4books.errors import Abandoned, ClockWrong, KeyRefused, P4BooksError, Unreachable
from p4books.extract.client import ApiConnection, Client
from p4books.extract.clock import ClockCheck
from p4books.extract.http import RequestCounts
from p4books.extract.pagination import TAIL_LENGTH, ListOrder, ListProfile
from p4books.extract.rate_limiter import hash_key
from p4books.extract.scan import ListScan, RequestBudget, ScanResult
from p4books.extract.spool import KEY, STALE_AFTER, Spool, remove_abandoned_spools
from p4books.settings import Settings
from p4books.storage.interrupt import is_stop_requested, track_event

# Endpoint, pages read, pages announced, rows.
ProgressCallback = Callable[[str, int, int, int], None]

Pause = Callable[[], AbstractContextManager[None]]
"""Makes what is entered while a list waits: for the rate limiter, or before it tries again."""


@dataclass(frozen=True)
class EndpointState:
    """What earlier runs found out about a list.

    `has_copy`: the warehouse has a complete copy of it. `concluded` is the identity of the last
    scan that was loaded, `profile` what it found out.
    """

    has_copy: bool = False
    concluded: str | None = None
    profile: ListProfile | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How lists are read.

    `requests` is the most that this run may make (None: as many as it takes), `backoff` that of a
    client in seconds. `clock_check` has the clock, and says whether it is right. Each wait is
    within a `pause`.
    """

    progress: ProgressCallback = lambda *_: None
    backoff: float = 1.0
    requests: int | None = None
    clock_check: ClockCheck = field(default_factory=lambda: ClockCheck(trust=True))
    pause: Pause = nullcontext


@dataclass(frozen=True)
class ExtractedList:
    """One list as far as this run read it, and where its pages are.

    `fault` is why it was not read further, None if nothing went wrong.
    """

    endpoint: Endpoint
    spool: Spool
    scan: ScanResult
    fault: P4BooksError | None = None


@dataclass
class ExtractResult:
    """The pages read from all lists, the faults by endpoint and the cost of each.

    It grows while the lists are read.
    """

    lists: list[ExtractedList] = field(default_factory=list)
    faults: dict[str, P4BooksError] = field(default_factory=dict)
    counts: dict[str, RequestCounts] = field(default_factory=dict)

    @property
    def total(self) -> RequestCounts:
        """Cost of all lists together; they wait in parallel, so the longest wait counts."""
        counts = list(self.counts.values())
        return RequestCounts(
            sum(each.requests for each in counts),
            sum(each.refused for each in counts),
            max((each.waited for each in counts), default=0.0),
        )


def read_lists(
    settings: Settings,
    endpoints: Sequence[Endpoint],
    states: Mapping[str, EndpointState] | None = None,
    options: ReadOptions | None = None,
    result: ExtractResult | None = None,
) -> ExtractResult:
    """Read lists into their spools, each in a thread of its own, one request at a time.

    The other lists wait for the first response to the first one: a wrong key or address costs one
    request. Raises ClockWrong, and KeyRefused and Unreachable if no list could be read; `result`,
    filled in place, then shows what was. Other faults stop their own list only.
    """
    states, options = states or {}, options or ReadOptions()
    result = ExtractResult() if result is None else result
    plan = plan_run(endpoints, states, options.requests)
    reader = _ParallelReader(settings, endpoints, options, result)
    try:
        reader.resume_scans(plan, states)
        reader.run_parallel([*plan.whole, *plan.tails], partial(reader.start, plan=plan))
        reader.run_parallel(plan.first_copies, reader.continue_scan)
        reader.run_parallel(plan.others, reader.continue_scan)
        if is_stop_requested():  # its pages are kept for the next run
            raise KeyboardInterrupt
        reader.collect()
        remove_abandoned_spools(settings.spool, time.time())  # compared with times of files
    finally:
        reader.close()
    return result


@dataclass(frozen=True)
class RunPlan:
    """How much of each list is read in this run, by endpoint name.

    Lists in `whole` are read from start to end, of those in `tails` the pages where new rows
    appear. Then the scans of `first_copies`, of which the warehouse has no complete copy yet,
    continue, then those of `others`. `profiles` are those of lists that have a tail.
    `restart_stale`: an interrupted scan of a whole list restarts if a page is over an hour old.
    """

    whole: Sequence[str]
    tails: Sequence[str]
    first_copies: Sequence[str]
    others: Sequence[str]
    profiles: Mapping[str, ListProfile]
    restart_stale: bool = True


def plan_run(
    endpoints: Sequence[Endpoint], states: Mapping[str, EndpointState], requests: int | None
) -> RunPlan:
    """Plan a run of this many requests (None: as many as it takes).

    A list that costs no more than its share of them is read whole, which includes its tail.
    """
    names = [endpoint.name for endpoint in endpoints]
    profiles = {name: p for name in names if name in states and (p := states[name].profile)}
    copied = {name for name in names if name in states and states[name].has_copy}
    whole = names if requests is None else _choose_whole_lists(names, profiles, requests)
    rest = [name for name in names if name not in whole]
    with_tail = {
        name: profile
        for name, profile in profiles.items()
        if name in copied and profile.order is not ListOrder.NONE
    }
    return RunPlan(
        whole=whole,
        tails=[name for name in rest if name in with_tail],
        first_copies=[name for name in rest if name not in copied],
        others=[name for name in rest if name in copied],
        profiles=with_tail,
        restart_stale=requests is not None,
    )


def count_runs_to_verify(profiles: Mapping[str, ListProfile], requests: int) -> float:
    """Return how many runs of this many requests it takes to see every row, or infinity."""
    whole = _choose_whole_lists(list(profiles), profiles, requests)
    rest = [profile for name, profile in profiles.items() if name not in whole]
    if not rest:
        return 1
    tails = sum(min(p.pages, TAIL_LENGTH) for p in rest if p.order is not ListOrder.NONE)
    left = requests - tails - sum(profiles[name].requests for name in whole)
    scans = sum(profile.requests for profile in rest)
    return -(-scans // left) if left > 0 else math.inf


def _choose_whole_lists(
    names: Sequence[str], profiles: Mapping[str, ListProfile], requests: int
) -> list[str]:
    """Choose the lists that fit into their shares; what one leaves is shared by the others."""
    chosen = set()
    left, lists = requests, len(names)
    for name in sorted(profiles, key=lambda name: profiles[name].requests):
        cost = profiles[name].requests
        if cost * lists > left:
            break
        chosen.add(name)
        left, lists = left - cost, lists - 1
    return [name for name in names if name in chosen]


class _ParallelReader:
    """The scans of all lists; a list with a fault is not requested again."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        options: ReadOptions,
        result: ExtractResult,
    ) -> None:
        self.stop = track_event(threading.Event())
        self._settings = settings
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._progress = options.progress
        self._budget = RequestBudget(options.requests)
        self._result = result
        self._first_response = threading.Event()
        self._scans: dict[str, ListScan] = {}
        self._faults: dict[str, BaseException] = {}
        self._clock_check = options.clock_check
        self._pause = options.pause
        connection = replace(
            ApiConnection.from_settings(settings, self._sleep), clock_check=options.clock_check
        )
        self._clients = {
            name: Client(connection, options.backoff, sleep=self._sleep, stop=self.stop)
            for name in self._endpoints
        }
        result.counts |= {name: client.counts for name, client in self._clients.items()}
        self._spools = {
            name: Spool(
                settings.spool / name,
                {
                    **connection.target.list_source(endpoint),
                    "fields": sorted(endpoint.known),
                    KEY: hash_key(settings.key),
                },
            )
            for name, endpoint in self._endpoints.items()
        }

    def close(self) -> None:
        """Stop what still waits, and close the connections."""
        self.stop.set()
        for client in self._clients.values():
            client.close()

    def resume_scans(self, plan: RunPlan, states: Mapping[str, EndpointState]) -> None:
        """Resume what the spools have, except for scans that were loaded already."""
        for name, spool in self._spools.items():
            if name in states:
                spool.discard_scan(states[name].concluded)
            try:
                self._scans[name] = ListScan(
                    self._endpoints[name],
                    self._clients[name],
                    spool,
                    self._budget,
                    partial(self._report_progress, name),
                    self._clock_check.clock,
                    stale_after=STALE_AFTER if plan.restart_stale and name in plan.whole else None,
                )
            except P4BooksError as fault:
                self._faults[name] = fault

    def start(self, name: str, plan: RunPlan) -> None:
        """Read the tail of a list, the whole list, or both."""
        scan = self._scans[name]
        if (name in plan.tails or scan.resumed) and (profile := plan.profiles.get(name)):
            scan.read_tail(profile)
            self._first_response.set()
        if name in plan.whole:
            scan.continue_scan()

    def continue_scan(self, name: str) -> None:
        """Continue the scan of a list."""
        self._scans[name].continue_scan()

    def run_parallel(self, names: Sequence[str], work: Callable[[str], None]) -> None:
        """Call `work` for each of these lists in parallel, for the first one a little ahead."""
        names = [name for name in names if name not in self._faults]
        if not names:
            return
        pool = ThreadPoolExecutor(self._settings.parallel_lists, thread_name_prefix="p4books")
        try:
            self._submit_all(pool, names, work)
        except BaseException:
            self.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def collect(self) -> None:
        """Gather what was read.

        Raises ClockWrong, and KeyRefused and Unreachable if nothing was read.
        """
        _raise_first(self._faults.values(), ClockWrong)
        for name, endpoint in self._endpoints.items():
            fault = self._faults.get(name)
            if fault is not None and not isinstance(fault, P4BooksError):
                raise fault
            if fault is not None and not isinstance(fault, Abandoned):
                self._result.faults[name] = fault
            scan = self._scans.get(name)
            if scan and (fault is None or scan.has_new_pages):
                extracted = ExtractedList(endpoint, self._spools[name], scan.result(), fault)
                self._result.lists.append(extracted)
        if not self._result.lists:
            _raise_if_general(self._faults.values())

    def _submit_all(
        self, pool: ThreadPoolExecutor, names: Sequence[str], work: Callable[[str], None]
    ) -> None:
        futures = {names[0]: _submit(pool, work, names[0])}
        futures[names[0]].add_done_callback(lambda _: self._first_response.set())
        self._first_response.wait()
        has_pages = any(scan.has_new_pages for scan in self._scans.values())
        if futures[names[0]].done() and not has_pages:
            self._record_faults(futures)
            _raise_if_general(self._faults.values())
        futures |= {name: _submit(pool, work, name) for name in names[1:]}
        for future in as_completed(futures.values()):
            if isinstance(future.exception(), KeyRefused | ClockWrong):
                self.stop.set()  # the other lists would be refused too; their pages are kept
        self._record_faults(futures)

    def _record_faults(self, futures: Mapping[str, Future[None]]) -> None:
        for name, future in futures.items():
            if (fault := future.exception()) is not None:
                self._faults[name] = fault

    def _report_progress(self, name: str, pages: int, announced: int, rows: int) -> None:
        self._first_response.set()
        self._progress(name, pages, announced, rows)

    def _sleep(self, seconds: float) -> None:
        with self._pause():
            is_stopped = self.stop.wait(seconds)
        if is_stopped:
            raise Abandoned


def _submit(pool: ThreadPoolExecutor, work: Callable[[str], None], name: str) -> Future[None]:
    """Start reading a list; its messages are those of the tenant whose thread this is."""
    return pool.submit(copy_context().run, work, name)


def _raise_if_general(faults: Iterable[BaseException]) -> None:
    """Raise a fault that would meet every list."""
    _raise_first(faults, ClockWrong, KeyRefused, Unreachable)


def _raise_first(faults: Iterable[BaseException], *kinds: type[P4BooksError]) -> None:
    for fault in faults:
        if isinstance(fault, kinds):
            raise fault
