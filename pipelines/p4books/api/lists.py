"""How are the lists read side by side, within the budget of a run?"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial

from p4books.api.budget import Budget
from p4books.api.client import Access, Client, throttle_of
from p4books.api.plan import Memory, Plan, plan
from p4books.api.scan import Reading, Scan
from p4books.api.session import Counts
from p4books.api.spool import STALE_AFTER, Spool, sweep
from p4books.endpoint import Endpoint
from p4books.errors import Abandoned, KeyRefused, P4BooksError, Unreachable
from p4books.settings import Settings

Progress = Callable[[str, int, int, int], None]  # endpoint, pages read, pages announced, rows


@dataclass(frozen=True)
class Read:
    """One list that was read, as far as this run could, and where its pages lie.

    `fault` is why it was not read further.
    """

    endpoint: Endpoint
    spool: Spool
    scan: Scan
    fault: P4BooksError | None = None


@dataclass
class Lists:
    """What came of all lists, and what each cost; it grows while they are read."""

    read: list[Read] = field(default_factory=list)
    faults: dict[str, P4BooksError] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """What all lists cost together; they wait side by side, so the longest wait counts."""
        each = list(self.counts.values())
        return Counts(
            sum(one.requests for one in each),
            sum(one.refused for one in each),
            max((one.waited for one in each), default=0.0),
        )


def read(  # noqa: PLR0913
    settings: Settings,
    endpoints: Sequence[Endpoint],
    progress: Progress = lambda *_: None,
    backoff: float = 1.0,
    memory: Mapping[str, Memory] | None = None,
    requests: int | None = None,
    out: Lists | None = None,
) -> Lists:
    """Read lists into their spools, each in a thread of its own, one request at a time.

    `memory` is what earlier runs found out, `requests` how many this run may make (default: as
    many as it takes). The first list goes ahead until its first answer: a wrong key or address
    costs one request. `backoff` is a client's. What came is in `out`, also where it raises
    KeyRefused or Unreachable; other faults stop their own list only.
    """
    chosen = plan(endpoints, memory or {}, requests)
    lists = Lists() if out is None else out
    side = _SideBySide(settings, endpoints, progress, backoff, Budget(requests), lists)
    try:
        side.open(chosen, memory or {})
        side.each([*chosen.whole, *chosen.tails], lambda name: side.begin(name, chosen))
        side.each(chosen.firsts, side.go_on)
        side.each(chosen.others, side.go_on)
        side.collect()
    finally:
        side.stop.set()
    return lists


class _SideBySide:
    """The readings of all lists; a list with a fault is not asked for again."""

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        progress: Progress,
        backoff: float,
        budget: Budget,
        lists: Lists,
    ) -> None:
        self._lists = lists
        self.stop = threading.Event()
        self._settings = settings
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._progress = progress
        self._budget = budget
        self._answered = threading.Event()
        self._readings: dict[str, Reading] = {}
        self._faults: dict[str, BaseException] = {}
        access, slots = Access.of(settings), throttle_of(settings, self._pause)
        self._clients = {
            name: Client(access, slots, backoff, sleep=self._pause, stop=self.stop)
            for name in self._endpoints
        }
        lists.counts |= {name: client.counts for name, client in self._clients.items()}
        self._spools = {
            name: Spool(
                settings.private / "spool" / name,
                {**access.source(endpoint), "fields": sorted(endpoint.known)},
            )
            for name, endpoint in self._endpoints.items()
        }

    def open(self, chosen: Plan, memory: Mapping[str, Memory]) -> None:
        """Take up what the spools kept, but for scans that were taken in already."""
        sweep(self._settings.private / "spool", time.time())
        for name, spool in self._spools.items():
            if name in memory:
                spool.forget(memory[name].concluded)
            try:
                self._readings[name] = Reading(
                    self._endpoints[name],
                    self._clients[name],
                    spool,
                    self._budget,
                    partial(self._told, name),
                    stale_after=STALE_AFTER if chosen.fresh and name in chosen.whole else None,
                )
            except P4BooksError as fault:
                self._faults[name] = fault

    def begin(self, name: str, chosen: Plan) -> None:
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
            if fault is not None and not isinstance(fault, Abandoned):
                self._lists.faults[name] = fault
            reading = self._readings.get(name)
            if reading and (fault is None or reading.went_on):
                read = Read(endpoint, self._spools[name], reading.result(), fault)
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
            raise Abandoned


def _raise_if_useless(faults: Iterable[BaseException]) -> None:
    """Give up where no list can be read."""
    for fault in faults:
        if isinstance(fault, KeyRefused | Unreachable):
            raise fault
