"""All lists of a run, read in parallel within its request budget."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial

from p4books.endpoints.definition import Endpoint
from p4books.errors import KeyRefused, P4BooksError, ReadCancelled, Unreachable
from p4books.extract.client import ApiConnection, Client
from p4books.extract.http import RequestCounts
from p4books.extract.pagination import LOOK_BACK, ListOrder, ListProfile
from p4books.extract.scan import ListScan, RequestBudget, ScanResult
from p4books.extract.spool import STALE_AFTER, Spool, remove_abandoned_spools
from p4books.settings import Settings


@dataclass(frozen=True)
class EndpointState:
    """What earlier runs know of a list.

    `held`: there was a whole copy of it. `concluded` is the identity of the last scan that was
    taken in, `known` what it found out.
    """

    held: bool = False
    concluded: str | None = None
    known: ListProfile | None = None


@dataclass(frozen=True)
class RunPlan:
    """What of each list is read in this run.

    `whole` lists are read from end to end, and of those in `tails` the pages where new rows stand.
    Then the scans of `firsts` go on, of which there is no whole copy yet, then those of `others`.
    `known` is what is known of the order and length of lists that have a tail. `fresh`: a whole
    reading that was broken off is begun anew where a page of it is over an hour old.
    """

    whole: Sequence[str]
    tails: Sequence[str]
    firsts: Sequence[str]
    others: Sequence[str]
    known: Mapping[str, ListProfile]
    fresh: bool = True


def plan_run(
    endpoints: Sequence[Endpoint], memory: Mapping[str, EndpointState], requests: int | None
) -> RunPlan:
    """Plan a run of so many requests (None: as many as it takes).

    A list that costs no more than its share of them is read whole: that is its tail, too.
    """
    names = [endpoint.name for endpoint in endpoints]
    known = {name: told for name in names if name in memory and (told := memory[name].known)}
    held = {name for name in names if name in memory and memory[name].held}
    whole = names if requests is None else _choose_whole(names, known, requests)
    rest = [name for name in names if name not in whole]
    tailed = {name: told for name, told in known.items() if told.order is not ListOrder.NONE}
    return RunPlan(
        whole=whole,
        tails=[name for name in rest if name in held and name in tailed],
        firsts=[name for name in rest if name not in held],
        others=[name for name in rest if name in held],
        known={name: told for name, told in tailed.items() if name in held},
        fresh=requests is not None,
    )


def count_runs_to_verify(lists: Mapping[str, ListProfile], requests: int) -> float:
    """Tell how many runs of so many requests it takes to see every row; infinity: it never ends."""
    whole = _choose_whole(list(lists), lists, requests)
    rest = [known for name, known in lists.items() if name not in whole]
    tails = sum(min(known.pages, LOOK_BACK) for known in rest if known.order is not ListOrder.NONE)
    left = requests - tails - sum(lists[name].requests for name in whole)
    scans = sum(known.requests for known in rest)
    if not rest:
        return 1
    return -(-scans // left) if left > 0 else math.inf


def _choose_whole(
    names: Sequence[str], known: Mapping[str, ListProfile], requests: int
) -> list[str]:
    """Choose the lists that fit into their shares; what one leaves of its share the others have."""
    chosen = set()
    left, lists = requests, len(names)
    for name in sorted(known, key=lambda name: known[name].requests):
        cost = known[name].requests
        if cost * lists > left:
            break
        chosen.add(name)
        left, lists = left - cost, lists - 1
    return [name for name in names if name in chosen]


ProgressCallback = Callable[
    [str, int, int, int], None
]  # endpoint, pages read, pages announced, rows


@dataclass(frozen=True)
class ExtractedList:
    """One list that was read, as far as this run could, and where its pages lie.

    `fault` is why it was not read further.
    """

    endpoint: Endpoint
    spool: Spool
    scan: ScanResult
    fault: P4BooksError | None = None


@dataclass
class ExtractResult:
    """What came of all lists, and what each cost; it grows while they are read."""

    read: list[ExtractedList] = field(default_factory=list)
    faults: dict[str, P4BooksError] = field(default_factory=dict)
    counts: dict[str, RequestCounts] = field(default_factory=dict)

    @property
    def total(self) -> RequestCounts:
        """What all lists cost together; they wait side by side, so the longest wait counts."""
        each = list(self.counts.values())
        return RequestCounts(
            sum(one.requests for one in each),
            sum(one.refused for one in each),
            max((one.waited for one in each), default=0.0),
        )


def read_lists(  # noqa: PLR0913
    settings: Settings,
    endpoints: Sequence[Endpoint],
    progress: ProgressCallback = lambda *_: None,
    backoff: float = 1.0,
    memory: Mapping[str, EndpointState] | None = None,
    requests: int | None = None,
    out: ExtractResult | None = None,
) -> ExtractResult:
    """Read lists into their spools, each in a thread of its own, one request at a time.

    `memory` is what earlier runs found out, `requests` how many this run may make (default: as
    many as it takes). The first list goes ahead until its first answer: a wrong key or address
    costs one request. `backoff` is a client's. What came is in `out`, also where it raises
    KeyRefused or Unreachable; other faults stop their own list only.
    """
    chosen = plan_run(endpoints, memory or {}, requests)
    lists = ExtractResult() if out is None else out
    side = _ParallelReader(settings, endpoints, progress, backoff, RequestBudget(requests), lists)
    try:
        side.open(chosen, memory or {})
        side.each([*chosen.whole, *chosen.tails], lambda name: side.begin(name, chosen))
        side.each(chosen.firsts, side.go_on)
        side.each(chosen.others, side.go_on)
        side.collect()
    finally:
        side.stop.set()
    return lists


class _ParallelReader:
    """The readings of all lists; a list with a fault is not asked for again."""

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        progress: ProgressCallback,
        backoff: float,
        budget: RequestBudget,
        lists: ExtractResult,
    ) -> None:
        self._lists = lists
        self.stop = threading.Event()
        self._settings = settings
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._progress = progress
        self._budget = budget
        self._answered = threading.Event()
        self._readings: dict[str, ListScan] = {}
        self._faults: dict[str, BaseException] = {}
        connection = ApiConnection.from_settings(settings, self._pause)
        self._clients = {
            name: Client(connection, backoff, sleep=self._pause, stop=self.stop)
            for name in self._endpoints
        }
        lists.counts |= {name: client.counts for name, client in self._clients.items()}
        self._spools = {
            name: Spool(
                settings.spool / name,
                {**connection.target.source(endpoint), "fields": sorted(endpoint.known)},
            )
            for name, endpoint in self._endpoints.items()
        }

    def open(self, chosen: RunPlan, memory: Mapping[str, EndpointState]) -> None:
        """Take up what the spools kept, but for scans that were taken in already."""
        remove_abandoned_spools(self._settings.spool, time.time())
        for name, spool in self._spools.items():
            if name in memory:
                spool.forget(memory[name].concluded)
            try:
                self._readings[name] = ListScan(
                    self._endpoints[name],
                    self._clients[name],
                    spool,
                    self._budget,
                    partial(self._told, name),
                    stale_after=STALE_AFTER if chosen.fresh and name in chosen.whole else None,
                )
            except P4BooksError as fault:
                self._faults[name] = fault

    def begin(self, name: str, chosen: RunPlan) -> None:
        """Read a list whole, or where its new rows stand."""
        reading = self._readings[name]
        if (name in chosen.tails or reading.resumed) and (known := chosen.known.get(name)):
            reading.tail(known)
            self._answered.set()
        if name in chosen.whole:
            reading.go_on()

    def go_on(self, name: str) -> None:
        """Go on with the scan of a list."""
        self._readings[name].go_on()

    def each(self, names: Sequence[str], work: Callable[[str], None]) -> None:
        """Do a work for each of these lists at the same time, the first one a little ahead."""
        names = [name for name in names if name not in self._faults]
        if not names:
            return
        pool = ThreadPoolExecutor(self._settings.parallel_lists, thread_name_prefix="p4books")
        try:
            self._run(pool, names, work)
        except BaseException:
            self.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _run(
        self, pool: ThreadPoolExecutor, names: Sequence[str], work: Callable[[str], None]
    ) -> None:
        futures = {names[0]: pool.submit(work, names[0])}
        futures[names[0]].add_done_callback(lambda _: self._answered.set())
        self._answered.wait()
        if futures[names[0]].done() and not any(r.went_on for r in self._readings.values()):
            self._note(futures)
            _raise_if_useless(self._faults.values())
        futures |= {name: pool.submit(work, name) for name in names[1:]}
        for future in as_completed(futures.values()):
            if isinstance(future.exception(), KeyRefused):
                self.stop.set()  # the other lists would be refused too; what is whole is kept
        self._note(futures)

    def collect(self) -> None:
        """Gather what was read; raises KeyRefused and Unreachable where that is nothing."""
        for name, endpoint in self._endpoints.items():
            fault = self._faults.get(name)
            if fault is not None and not isinstance(fault, P4BooksError):
                raise fault
            if fault is not None and not isinstance(fault, ReadCancelled):
                self._lists.faults[name] = fault
            reading = self._readings.get(name)
            if reading and (fault is None or reading.went_on):
                read = ExtractedList(endpoint, self._spools[name], reading.result(), fault)
                self._lists.read.append(read)
        if not self._lists.read:
            _raise_if_useless(self._faults.values())

    def _note(self, futures: Mapping[str, Future[None]]) -> None:
        for name, future in futures.items():
            if (fault := future.exception()) is not None:
                self._faults[name] = fault

    def _told(self, name: str, pages: int, announced: int, rows: int) -> None:
        self._answered.set()
        self._progress(name, pages, announced, rows)

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise ReadCancelled


def _raise_if_useless(faults: Iterable[BaseException]) -> None:
    """Give up where no list can be read."""
    for fault in faults:
        if isinstance(fault, KeyRefused | Unreachable):
            raise fault
