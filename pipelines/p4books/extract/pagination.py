"""Pagination: which pages of a list are fetched, and in which order.

`tail_pages` fetches the pages where new rows appear, `all_pages` a list to its end. Scans and the
reconciliation of pushes both go through them.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from p4books.endpoints.definition import Endpoint
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.page import Page, SortKey

TAIL_LENGTH = 2  # pages, if no rows were added
FRONT_CHECK_INTERVAL = 9  # pages between two looks at page 1 of a list that grows there

_MAX_PASSES = 6  # through a list without order, before the scan is given up
_ROUND = 1000  # a total that is a multiple of it may be the most that the server counts to
_COMMON_PAGE_SIZES = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})  # whatever was requested


class ListOrder(Enum):
    """Order of a list, as far as its first and its last page show."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    NONE = "none"


@dataclass(frozen=True)
class ListProfile:
    """What an earlier scan found out about a list.

    `page_size` is the rows of a page, `total` the rows announced.
    """

    page_size: int
    total: int
    order: ListOrder

    @property
    def pages(self) -> int:
        """Number of pages of the list."""
        return max(1, -(-self.total // self.page_size)) if self.page_size else 1

    @property
    def requests(self) -> int:
        """Number of requests that a complete scan takes if no row moves."""
        if self.pages == 1:
            return 1
        is_front = self.order is ListOrder.NEWEST_FIRST
        front_checks = self.pages // FRONT_CHECK_INTERVAL if is_front else 0
        passes = 2 if self.order is ListOrder.NONE else 1
        return 1 + passes * self.pages + front_checks

    @property
    def tail(self) -> list[int]:
        """Page numbers of the tail, starting with the page whose total shows what was added."""
        if self.order is ListOrder.OLDEST_FIRST:
            return [self.pages - back for back in range(TAIL_LENGTH) if self.pages > back]
        return list(range(1, min(self.pages, TAIL_LENGTH) + 1))


@dataclass(frozen=True)
class ScanOutcome:
    """What a scan that came to its end found out.

    `announced` is the last total announced (or else the rows seen), `seen` the number of distinct
    ids. `complete`: the end was reached with at least as many ids as announced. `quiet`: every
    response announced the same total.
    """

    announced: int
    seen: int
    complete: bool
    quiet: bool


FetchPage = Callable[[int, int | None], Page]  # page number; rows a page is known to hold, or None
PageRequests = Generator[int, Page, ScanOutcome]


def detect_order(first: Page, last: Page) -> ListOrder:
    """Return the order of a list as its first and its last page show it."""
    if not (first.keys and last.keys):
        return ListOrder.NONE
    top, above, below, bottom = first.keys[0], first.keys[-1], last.keys[0], last.keys[-1]
    if first.is_ascending and last.is_ascending and above <= below and top < bottom:
        return ListOrder.OLDEST_FIRST
    if first.is_descending and last.is_descending and above >= below and top > max(above, bottom):
        return ListOrder.NEWEST_FIRST
    return ListOrder.NONE


class Paginator:
    """Requests the pages of one list in the order its rows call for, and records what they show.

    Fetch `next_page` and pass it to `receive`, until `outcome` is not None. `page_size` is the rows
    that a page holds and `total` the rows last announced; 0 and None before the first page. `order`
    is None until the first and the last page have shown it. `seen` are the ids of all rows so far.
    `remaining` estimates how many pages are still to be requested.
    """

    def __init__(self, endpoint: Endpoint, target: ApiTarget) -> None:
        self.page_size = 0
        self.total: int | None = None
        self.order: ListOrder | None = None
        self.seen: set[str] = set()
        self.remaining = 0
        self.outcome: ScanOutcome | None = None
        self._endpoint = endpoint
        self._target = target
        self._totals: set[int] = set()
        self._total_changes = 0  # from one page to the next
        self._total_is_useless = False  # it counts the rows of one page, or pages
        self._new_ids: set[str] = set()  # of the last page
        self._first_ids: Collection[str] = ()  # of page 1, when it was requested first
        self._edge: tuple[int, SortKey] | None = None  # previous page number, its first sort key
        self._requests = self._request_pages()
        self.next_page = next(self._requests)

    @property
    def pages(self) -> int:
        """Number of pages of the list by its last total."""
        return -(-(self.total or 0) // self.page_size) if self.page_size else 1

    def receive(self, page: Page) -> None:
        """Record the page requested, and decide what follows it. Raises PageIgnored."""
        try:
            self.next_page = self._requests.send(page)
        except StopIteration as end:
            self.outcome = end.value

    def record(self, page: Page) -> None:
        """Record a page's total and ids; on its own, that of a page of the tail."""
        if page.total is not None and not self._total_is_useless:
            self._total_changes += self.total not in {None, page.total}
            self.total = page.total
            self._totals.add(page.total)
        self._new_ids = page.records.keys() - self.seen
        self.seen |= self._new_ids

    def _request_pages(self) -> PageRequests:
        """Choose the strategy by what the first and the last page show."""
        first = yield from self._request(1)
        self.page_size, self._first_ids = first.rows, first.records.keys()
        if first.total is not None and first.rows >= first.total:
            yield from self._verify_total(first)
        if self.total is None:
            self.order = ListOrder.NONE
            return (yield from self._repeat_until_equal(first))
        if first.rows == 0 or first.rows >= self.total:
            return self._conclude()
        self.remaining = self.pages
        last = yield from self._request(self.pages)
        if self.pages > 1 and last.records.keys() == first.records.keys():
            self._reject_repeated_page(last, (yield from self._request(1)))
        if (yield from self._counts_something_else(last)):
            self._discard_totals()
            return (yield from self._repeat_until_equal(first))
        self.order = detect_order(first, last)
        if self.order is ListOrder.OLDEST_FIRST:
            return (yield from self._go_backwards(last))
        if self.order is ListOrder.NEWEST_FIRST:
            return (yield from self._go_backwards_checking_front(last, first))
        return (yield from self._repeat_until_equal())

    def _request(self, number: int) -> Generator[int, Page, Page]:
        page = yield number
        self.record(page)
        return page

    def _verify_total(self, first: Page) -> Generator[int, Page, None]:
        """Look behind a full page that is announced as the whole list; its total may be its own."""
        if len(first.records) > (first.total or 0):
            self._discard_totals()
        elif first.rows >= self._target.page_size or first.rows in _COMMON_PAGE_SIZES:
            second = yield from self._request(2)
            if second.rows == second.total and (self._new_ids or not second.rows):
                self._discard_totals()

    def _counts_something_else(self, last: Page) -> Generator[int, Page, bool]:
        """Return whether there are more rows than the total leaves for the last page.

        Some servers stop counting at a round number: a page behind that one shows it.
        """
        total = self.total or 0
        rest = total - (last.number - 1) * self.page_size
        if last.number <= self.pages and len(last.records) > rest:
            return True
        if total % _ROUND or last.rows < self.page_size:
            return False
        yield from self._request(last.number + 1)
        return bool(self._new_ids) and self.total == total

    def _discard_totals(self) -> None:
        self._total_is_useless, self.total, self._totals = True, None, set()
        self.order = ListOrder.NONE

    def _reject_repeated_page(self, page: Page, first: Page) -> None:
        """Raise PageIgnored if the server returned page 1 for another page."""
        if page.records.keys() == first.records.keys():
            raise PageIgnored(self._endpoint.name, self._target.page_param)

    def _go_backwards(self, last: Page) -> PageRequests:
        """Oldest first: down to page 1, then again from the end for what was added meanwhile."""
        while self.pages > last.number:
            last = yield from self._request(self.pages)
        self._is_in_order(last)
        newest = (last.keys or (None,))[-1]
        for number in range(last.number - 1, 0, -1):
            self.remaining = number
            page = yield from self._request(number)
            if not self._is_in_order(page) or newest in self._new_keys(page):
                # New rows may appear among those with an equal key.
                return (yield from self._continue_without_order())
        self.remaining = 0
        before = -1
        while before < len(self.seen) < (self.total or 0):
            before = len(self.seen)
            for number in range(self.pages, 0, -1):
                page = yield from self._request(number)
                if page.records and not self._new_ids:
                    break
        return self._conclude()

    def _go_backwards_checking_front(self, last: Page, first: Page) -> PageRequests:
        """Newest first: rows added at the front push others to pages already fetched.

        Rows that were added and deleted between two looks at the front pushed others too; only a
        change of the total shows that.
        """
        front = dict(_zip_ids_and_keys(first))
        self._is_in_order(last)
        safe, number, changes = last.number, last.number - 1, 0
        for _ in range(3 * last.number + 100):
            self.remaining = number + -(-number // FRONT_CHECK_INTERVAL)
            page = yield from self._request(number)
            if not self._is_in_order(page):
                return (yield from self._continue_without_order())
            number -= 1
            if number == 1 or (number and safe - number < FRONT_CHECK_INTERVAL):
                continue  # page 1 is its own look at the front
            pushed = yield from self._count_added_in_front(page, front)
            if pushed or self._total_changes != changes:
                number = min(self.pages, safe + -(-pushed // self.page_size))
            changes = self._total_changes
            if not number:
                self.remaining = 0
                return self._conclude()
            safe = number
        return self._conclude(given_up=True)

    def _is_in_order(self, page: Page) -> bool:
        """Return whether a page is in order, and its new rows sort before the next page's rows."""
        ascending = self.order is ListOrder.OLDEST_FIRST
        edge, self._edge = self._edge, (page.number, page.keys[0]) if page.keys else None
        if not (page.is_ascending if ascending else page.is_descending):
            return False
        if edge is None or edge[0] != page.number + 1:
            return True
        return all(key <= edge[1] if ascending else key >= edge[1] for key in self._new_keys(page))

    def _new_keys(self, page: Page) -> list[SortKey]:
        return [
            key
            for id_, key in _zip_ids_and_keys(page)
            if id_ in self._new_ids or id_ in self._first_ids
        ]

    def _continue_without_order(self) -> PageRequests:
        """Start over after a page out of order: the first and last page were so by chance."""
        self.order = ListOrder.NONE
        return (yield from self._repeat_until_equal())

    def _count_added_in_front(
        self, page: Page, front: dict[str, SortKey]
    ) -> Generator[int, Page, int]:
        """Count the rows added before those known to be at the front, and add them to `front`.

        Across several pages some may be missed, at most those before the first older row.
        """
        added: dict[str, SortKey] = {}
        number, newest = 1, max(front.values())
        while True:
            current = page if page.number == number == 1 else (yield from self._request(number))
            added |= {
                id_: key
                for id_, key in _zip_ids_and_keys(current)
                if key >= newest and id_ not in front
            }
            newer = sum(key >= newest for _, key in _zip_ids_and_keys(current))
            if newer < len(current.records) or number >= self.pages:
                front.update(added)
                if number == 1:
                    return len(added)
                return max(len(added), (number - 1) * self.page_size + newer)
            number += 1

    def _repeat_until_equal(self, first: Page | None = None) -> PageRequests:
        """No order or no total: forwards, repeatedly, until two passes in a row are equal.

        Rows in both passes existed between them: if they are no fewer than the total announced
        then, they were the whole list. Without a total that is certain only if no rows were both
        added and deleted meanwhile.
        """
        ids: set[str] = set(first.records) if first else set()
        previous, announced = None, 0  # the previous pass, and the total at its end
        number, start = 2 if first else 1, 1
        if first:  # without a total nothing else shows that page 1 is the second of a list
            page_0 = yield from self._request(0)
            if page_0.records and page_0.records.keys().isdisjoint(ids):
                start, ids = 0, ids | page_0.records.keys()
        for _ in range(_MAX_PASSES):
            while self.total is None or number <= self.pages:
                self.remaining = self.pages - number + 1 + (self.pages if previous is None else 0)
                page = yield from self._request(number)
                if first and number == 2 and first.rows >= self._target.page_size:
                    self._reject_repeated_page(page, first)
                if page.records.keys() <= ids:
                    break
                ids |= page.records.keys()
                number += 1
            if ids == previous:
                self.remaining = 0
                return self._conclude(confirmed=len(ids), given_up=len(ids) < announced)
            previous, ids, number, announced = ids, set(), start, self.total or 0
        return self._conclude(given_up=True)

    def _conclude(self, confirmed: int | None = None, *, given_up: bool = False) -> ScanOutcome:
        seen = len(self.seen)
        announced = seen if self.total is None else self.total
        complete = not given_up and (seen if confirmed is None else confirmed) >= announced
        return ScanOutcome(announced, seen, complete, quiet=len(self._totals) == 1)


def all_pages(
    paginator: Paginator, fetch: Callable[[int, int | None], Page | None]
) -> Iterator[Page]:
    """Fetch the pages of a list until `paginator` has its outcome, and yield each as received.

    Stops early if `fetch` returns None. Raises what `fetch` raises, and PageIgnored.
    """
    while paginator.outcome is None:
        page = fetch(paginator.next_page, paginator.page_size or None)
        if page is None:
            return
        paginator.receive(page)
        yield page


def tail_pages(
    paginator: Paginator, fetch: FetchPage, profile: ListProfile | None = None
) -> Iterator[Page]:
    """Fetch the pages where new rows appear, and yield each as recorded by `paginator`.

    `profile` is what an earlier scan found out; the tail is followed to where it has moved since.
    Without one the first and the last page are fetched to find out. Raises what `fetch` raises.
    """
    if profile is None:
        yield from _unknown_tail_pages(paginator, fetch)
        return
    paginator.page_size = paginator.page_size or profile.page_size
    for number in _follow_tail(paginator, profile):
        yield _fetch_and_record(paginator, fetch, number)


def _unknown_tail_pages(paginator: Paginator, fetch: FetchPage) -> Iterator[Page]:
    first = _fetch_and_record(paginator, fetch, 1)
    yield first
    if not first.total or not 0 < first.rows < first.total:
        return
    paginator.page_size = first.rows
    last = _fetch_and_record(paginator, fetch, -(-first.total // first.rows))
    yield last
    profile = ListProfile(first.rows, first.total, detect_order(first, last))
    for number in sorted({*profile.tail} - {first.number, last.number}):
        yield _fetch_and_record(paginator, fetch, number)


def _follow_tail(paginator: Paginator, profile: ListProfile) -> Iterator[int]:
    """Yield the page numbers of a tail; the totals announced on the way decide how far it goes."""
    yield from profile.tail
    total = paginator.total or profile.total
    pages = -(-total // profile.page_size)
    if profile.order is ListOrder.OLDEST_FIRST:
        yield from range(profile.pages + 1, pages + 1)
        yield from range(max(pages - TAIL_LENGTH + 1, 1), profile.pages - TAIL_LENGTH + 1)
    else:
        added = -(-max(total - profile.total, 0) // profile.page_size)
        yield from range(profile.tail[-1] + 1, min(TAIL_LENGTH + added, pages) + 1)


def _fetch_and_record(paginator: Paginator, fetch: FetchPage, number: int) -> Page:
    page = fetch(number, paginator.page_size or None)
    paginator.record(page)
    return page


def _zip_ids_and_keys(page: Page) -> Iterable[tuple[str, SortKey]]:
    """Pair ids with sort keys; if an id occurs twice, some get the key of an earlier row."""
    return zip(page.records, page.keys or (), strict=False)
