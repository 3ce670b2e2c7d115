"""One list in one run: its tail, then the next part of its scan."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from p4books.endpoints.definition import Endpoint
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.http import RequestCounts
from p4books.extract.page import Page
from p4books.extract.pagination import LOOK_BACK, ListOrder, ListProfile, Paginator, ScanOutcome
from p4books.extract.spool import STALE_AFTER, Spool, StoredPage


class RequestBudget:
    """The requests of one run, shared by the threads that read its lists; None: no end."""

    def __init__(self, requests: int | None = None) -> None:
        self._left = requests
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take the request of one page; False where none is left."""
        with self._lock:
            if self._left is not None:
                if self._left <= 0:
                    return False
                self._left -= 1
            return True

    def spend(self, requests: int) -> None:
        """Count requests that were made and not taken: repeats, and the tails."""
        with self._lock:
            if self._left is not None:
                self._left -= requests


PageCallback = Callable[[int, int, int], None]  # pages read, pages announced, rows


class PageSource(Protocol):
    """Where pages come from: what a reading needs of a Client."""

    target: ApiTarget

    @property
    def counts(self) -> RequestCounts: ...

    def page(self, endpoint: Endpoint, page: int, *, learned: int | None = None) -> Page: ...


class ReadMode(Enum):
    """How much of a list a run read."""

    WHOLE = "whole"  # a scan from its beginning to its end
    SLICE = "slice"  # a part of a scan, or its last part
    TAIL = "tail"  # only the pages where new rows stand
    KEPT = "kept"  # all of it by an earlier run, that could not take it in
    NOTHING = "nothing"  # the budget was spent before its turn


@dataclass(frozen=True)
class ScanResult:
    """What one run read of a list; times in seconds since 1970.

    `verdict` is None where the scan goes on in the next run. `identity` is the same for all parts
    of one scan. `started_at` is when its first part began, `ended_at` when the last answer came;
    `current_to` is a moment whose newest rows were read, None where this run did not read them.
    `pages` were read in the whole scan so far, of `announced_pages`, as far as one can tell.
    """

    verdict: ScanOutcome | None
    identity: str
    started_at: float
    ended_at: float
    current_to: float | None
    pages: int
    announced_pages: int
    mode: ReadMode
    known: ListProfile | None


class ListScan:
    """The reading of one list in one run: first `tail`, then `go_on`, then `result`."""

    def __init__(  # noqa: PLR0913
        self,
        endpoint: Endpoint,
        client: PageSource,
        spool: Spool,
        budget: RequestBudget | None = None,
        progress: PageCallback = lambda *_: None,
        clock: Callable[[], float] = time.time,
        stale_after: float | None = STALE_AFTER,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._spool = spool
        self._budget = budget or RequestBudget()
        self._progress = progress
        self._clock = clock
        self._started = self._ended = clock()
        self._begin()
        self._tail_read_at: float | None = None
        self._order = ListOrder.NONE  # as an earlier scan found it
        self._mode = ReadMode.NOTHING
        self._played = self._play(stale_after)

    @property
    def resumed(self) -> bool:
        """Whether a part of the scan was read by an earlier run."""
        return self._played

    @property
    def went_on(self) -> bool:
        """Whether anything was read in this run that the spool still holds."""
        return self._mode is not ReadMode.NOTHING and len(self._spool) > 0

    def tail(self, known: ListProfile) -> None:
        """Read the pages where new rows stand. Raises what `Client.page` raises, and DiskTrouble.

        A tail is read whatever is left of the budget: it is what a run is for.
        """
        began = self._clock()
        self._way.size = self._way.size or known.size
        self._order = known.order
        if self._read_tail(self._tail_pages(known)):
            before, first = self._way.total, self._take_tail(1)
            if first.rows not in {self._way.size, first.total}:  # the tail would be elsewhere
                self._begin_anew(began)
                return
            if self._way.total != before:  # no answer to the tail had told how long the list is
                now = ListProfile(self._way.size, self._way.total or 0, known.order)
                self._read_tail(iter(now.tail()))
        self._tail_read_at = began
        self._mode = ReadMode.TAIL

    def _read_tail(self, pages: Iterator[int]) -> bool:
        """Read pages of the tail, and tell whether one held other rows than it should."""
        odd = False
        for page in pages:
            answer = self._take_tail(page)
            odd |= answer.total is None or answer.rows != self._expected(page)
        return odd

    def _take_tail(self, page: int) -> Page:
        answer = self._ask(page)
        self._keep(answer, tail=True)
        self._way.note(answer)
        return answer

    def go_on(self) -> None:
        """Go on with the scan while the budget lasts.

        Raises what `Client.page` raises and DiskTrouble, the spool then keeps what came; and
        PageIgnored.
        """
        try:
            while self._verdict is None and self._budget.take():
                answer = self._ask(self._page, taken=1)
                self._keep(answer)
                self._mode = ReadMode.SLICE if self._played else ReadMode.WHOLE
                self._send(answer)
                self._progress(self._spool.walked, self._announced_pages, len(self._way.seen))
        except PageIgnored:
            self._spool.clear()  # what is kept would say the same again, whatever comes by then
            raise

    def result(self) -> ScanResult:
        """Say what became of it."""
        mode, verdict = self._mode, self._verdict
        ends = {ReadMode.NOTHING: ReadMode.KEPT} if verdict else {ReadMode.WHOLE: ReadMode.SLICE}
        mode = ends.get(mode, mode)
        if verdict and self._ended - self._started >= STALE_AFTER:
            verdict = replace(verdict, quiet=False)  # an equal total says little after hours
        complete = verdict is not None and verdict.complete
        return ScanResult(
            verdict=verdict,
            identity=self._spool.identity,
            started_at=self._started,
            ended_at=self._ended,
            current_to=self._tail_read_at or (self._started if complete else None),
            pages=self._spool.walked,
            announced_pages=self._announced_pages,
            mode=mode,
            known=self._known(),
        )

    @property
    def _announced_pages(self) -> int:
        return self._spool.walked + self._way.ahead or self._way.pages

    def _begin(self) -> None:
        self._verdict: ScanOutcome | None = None
        self._way = Paginator(self._endpoint, self._client.target)
        self._walk = self._way.walk()
        self._page = next(self._walk)

    def _begin_anew(self, now: float) -> None:
        self._begin()
        self._spool.begin()
        self._started = self._ended = now
        self._played = False

    def _play(self, stale_after: float | None) -> bool:
        """Play what the spool kept to the walk, and tell whether anything was."""
        began = self._started
        kept = self._spool.open(began, stale_after)
        try:
            for stored in kept:
                self._take_up(stored)
        except (OSError, ValueError, PageIgnored):  # a page is not whole: all are read again
            self._begin_anew(began)
            return False
        return any(not stored.tail for stored in kept)

    def _take_up(self, stored: StoredPage) -> None:
        answer = stored.recall()
        if not (stored.tail or self._verdict or stored.page == self._page):
            raise ValueError(f"{stored.path} is not the page that was asked for")
        self._started = min(self._started, stored.read_at)
        self._ended = stored.read_at
        if stored.tail:
            self._way.note(answer)
        elif self._verdict is None:
            self._send(answer)

    def _tail_pages(self, known: ListProfile) -> Iterator[int]:
        """Yield the pages of the tail; how far it goes on is told by the answers to them."""
        yield from known.tail()
        total = self._way.total or known.total
        pages = -(-total // known.size)
        if known.order is ListOrder.OLDEST_FIRST:
            yield from range(known.pages + 1, pages + 1)
            yield from range(max(pages - LOOK_BACK + 1, 1), known.pages - LOOK_BACK + 1)
        else:
            added = -(-max(total - known.total, 0) // known.size)
            yield from range(known.tail()[-1] + 1, min(LOOK_BACK + added, pages) + 1)

    def _expected(self, page: int) -> int:
        """Return how many rows a page should hold, by what the list last announced."""
        return min(max((self._way.total or 0) - (page - 1) * self._way.size, 0), self._way.size)

    def _ask(self, page: int, taken: int = 0) -> Page:
        before = self._client.counts.requests
        try:
            return self._client.page(self._endpoint, page, learned=self._way.size or None)
        finally:
            self._budget.spend(self._client.counts.requests - before - taken)

    def _keep(self, answer: Page, *, tail: bool = False) -> None:
        self._ended = self._clock()
        self._spool.keep(answer, self._ended, tail=tail)

    def _send(self, answer: Page) -> None:
        try:
            self._page = self._walk.send(answer)
        except StopIteration as end:
            self._verdict = end.value

    def _known(self) -> ListProfile | None:
        if not self._way.size or self._way.total is None:
            return None
        return ListProfile(self._way.size, self._way.total, self._way.order or self._order)
