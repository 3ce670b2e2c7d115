"""One list in one run: its tail, then the next part of its scan."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from p4books.endpoints.definition import Endpoint
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.http import RequestCounts
from p4books.extract.page import Page
from p4books.extract.pagination import (
    ListOrder,
    ListProfile,
    Paginator,
    ScanOutcome,
    all_pages,
    tail_pages,
)
from p4books.extract.spool import STALE_AFTER, Spool, StoredPage

PageCallback = Callable[[int, int, int], None]  # pages read, pages announced, rows


class RequestBudget:
    """The requests of one run, shared by the threads that read its lists; None: unlimited."""

    def __init__(self, requests: int | None = None) -> None:
        self._remaining = requests
        self._lock = threading.Lock()

    def reserve(self) -> bool:
        """Reserve one request; False if none is left."""
        with self._lock:
            if self._remaining is not None:
                if self._remaining <= 0:
                    return False
                self._remaining -= 1
            return True

    def spend(self, requests: int) -> None:
        """Subtract requests that were made without being reserved: retries and tails."""
        with self._lock:
            if self._remaining is not None:
                self._remaining -= requests


class PageSource(Protocol):
    """Where pages come from: what a scan needs of a Client."""

    target: ApiTarget

    @property
    def counts(self) -> RequestCounts: ...

    def fetch_page(
        self, endpoint: Endpoint, number: int, *, observed_size: int | None = None
    ) -> Page: ...


class ReadMode(Enum):
    """How much of a list a run read; the values are stored in the run log."""

    WHOLE = "whole"  # a scan from its start to its end
    SLICE = "slice"  # a part of a scan, or its last part
    TAIL = "tail"  # only the pages where new rows appear
    REUSED = "kept"  # nothing: an earlier run read all of it, but could not load it
    SKIPPED = "nothing"  # the budget was spent before


@dataclass(frozen=True)
class ScanResult:
    """What one run read of a list; times in seconds since 1970.

    `outcome` is None if the scan continues in the next run. `identity` is the same for all parts of
    a scan. `started_at` is when its first part began, `ended_at` when the last page arrived.
    `current_to` is an instant up to which new rows were read, None if this run did not read them.
    `pages` is the number of pages read in the whole scan so far, `announced_pages` an estimate of
    how many it takes. `profile` is None if the list announces no total.
    """

    outcome: ScanOutcome | None
    identity: str
    started_at: float
    ended_at: float
    current_to: float | None
    pages: int
    announced_pages: int
    mode: ReadMode
    profile: ListProfile | None


class ListScan:
    """Reads one list in one run: first `read_tail`, then `continue_scan`, then `result`.

    Pages that the spool already has are replayed and not requested again. `stale_after` is that of
    `Spool.resume`. `clock` returns seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 - each is a collaborator that tests replace
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
        self._started_at = self._ended_at = clock()
        self._paginator = Paginator(endpoint, client.target)
        self._tail_read_at: float | None = None
        self._earlier_order = ListOrder.NONE  # as an earlier scan found it
        self._mode = ReadMode.SKIPPED
        self._resumed = self._replay(stale_after)

    @property
    def resumed(self) -> bool:
        """Whether an earlier run read a part of the scan."""
        return self._resumed

    @property
    def has_new_pages(self) -> bool:
        """Whether this run read any page that the spool still has."""
        return self._mode is not ReadMode.SKIPPED and len(self._spool) > 0

    def read_tail(self, profile: ListProfile) -> None:
        """Read the pages where new rows appear, even if the budget is spent.

        Raises what `Client.fetch_page` raises, and DiskTrouble.
        """
        started_at = self._clock()
        self._earlier_order = profile.order
        pages = tail_pages(self._paginator, self._fetch_tail_page, profile)
        unexpected = [page for page in pages if self._is_unexpected(page)]
        if unexpected:
            before, first = self._paginator.total, self._read_tail_page(1)
            if first.rows not in {self._paginator.page_size, first.total}:
                self._restart(started_at)  # pages hold other rows now, so the tail is elsewhere
                return
            if self._paginator.total != before:  # no page of the tail had announced a total
                self._read_tail_again(profile.order)
        self._tail_read_at = started_at
        self._mode = ReadMode.TAIL

    def continue_scan(self) -> None:
        """Continue the scan while the budget lasts.

        Raises what `Client.fetch_page` raises and DiskTrouble, the spool then has the pages read;
        and PageIgnored.
        """
        try:
            for _ in all_pages(self._paginator, self._fetch_scan_page):
                self._progress(
                    self._spool.scan_pages, self._announced_pages, len(self._paginator.seen)
                )
        except PageIgnored:
            self._spool.clear()  # its pages would raise this again, even after a new setting
            raise

    def result(self) -> ScanResult:
        """Return what this run read, and the outcome if the scan came to its end."""
        mode, outcome = self._mode, self._paginator.outcome
        if outcome and mode is ReadMode.SKIPPED:
            mode = ReadMode.REUSED
        if not outcome and mode is ReadMode.WHOLE:
            mode = ReadMode.SLICE
        if outcome and self._ended_at - self._started_at >= STALE_AFTER:
            outcome = replace(outcome, quiet=False)  # an equal total proves little after hours
        is_complete = outcome is not None and outcome.complete
        return ScanResult(
            outcome=outcome,
            identity=self._spool.identity,
            started_at=self._started_at,
            ended_at=self._ended_at,
            current_to=self._tail_read_at or (self._started_at if is_complete else None),
            pages=self._spool.scan_pages,
            announced_pages=self._announced_pages,
            mode=mode,
            profile=self._build_profile(),
        )

    @property
    def _announced_pages(self) -> int:
        return self._spool.scan_pages + self._paginator.remaining or self._paginator.pages

    def _replay(self, stale_after: float | None) -> bool:
        """Feed the pages of the spool to the paginator; return whether there were any of a scan."""
        started_at = self._started_at
        stored_pages = self._spool.resume(started_at, stale_after)
        try:
            for stored in stored_pages:
                self._replay_page(stored)
        except (OSError, ValueError, PageIgnored):  # a damaged page: read all again
            self._restart(started_at)
            return False
        return any(not stored.is_tail for stored in stored_pages)

    def _replay_page(self, stored: StoredPage) -> None:
        page = stored.load()
        has_ended = self._paginator.outcome is not None
        if not (stored.is_tail or has_ended or stored.number == self._paginator.next_page):
            raise ValueError(f"{stored.path} is not the page that comes next")
        self._started_at = min(self._started_at, stored.read_at)
        self._ended_at = stored.read_at
        if stored.is_tail:
            self._paginator.record(page)
        elif not has_ended:
            self._paginator.receive(page)

    def _restart(self, now: float) -> None:
        self._paginator = Paginator(self._endpoint, self._client.target)
        self._spool.restart()
        self._started_at = self._ended_at = now
        self._resumed = False

    def _fetch_scan_page(self, number: int, observed_size: int | None) -> Page | None:
        if not self._budget.reserve():
            return None
        page = self._fetch(number, observed_size, reserved=1)
        self._store(page)
        self._mode = ReadMode.SLICE if self._resumed else ReadMode.WHOLE
        return page

    def _fetch_tail_page(self, number: int, observed_size: int | None) -> Page:
        page = self._fetch(number, observed_size)
        self._store(page, is_tail=True)
        return page

    def _is_unexpected(self, page: Page) -> bool:
        """Return whether a page has other rows than the last total suggests."""
        size, total = self._paginator.page_size, self._paginator.total or 0
        expected = min(max(total - (page.number - 1) * size, 0), size)
        return page.total is None or page.rows != expected

    def _read_tail_page(self, number: int) -> Page:
        page = self._fetch_tail_page(number, self._paginator.page_size or None)
        self._paginator.record(page)
        return page

    def _read_tail_again(self, order: ListOrder) -> None:
        profile = ListProfile(self._paginator.page_size, self._paginator.total or 0, order)
        for number in profile.tail:
            self._read_tail_page(number)

    def _fetch(self, number: int, observed_size: int | None, reserved: int = 0) -> Page:
        """Fetch a page; requests beyond those reserved are subtracted from the budget."""
        before = self._client.counts.requests
        try:
            return self._client.fetch_page(self._endpoint, number, observed_size=observed_size)
        finally:
            self._budget.spend(self._client.counts.requests - before - reserved)

    def _store(self, page: Page, *, is_tail: bool = False) -> None:
        self._ended_at = self._clock()
        self._spool.store(page, self._ended_at, is_tail=is_tail)

    def _build_profile(self) -> ListProfile | None:
        paginator = self._paginator
        if not paginator.page_size or paginator.total is None:
            return None
        return ListProfile(
            paginator.page_size, paginator.total, paginator.order or self._earlier_order
        )
