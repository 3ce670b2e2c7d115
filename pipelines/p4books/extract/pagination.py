"""Pagination: which pages of a list are read, and in which order."""

from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass, field
from enum import Enum

from p4books.endpoints.definition import Endpoint
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.page import Page, SortKey

LOOK_BACK = 2  # pages of a tail, where nothing was added
LOOK_EVERY = 9  # pages between two looks at the front of a list that grows there


class ListOrder(Enum):
    """How a list is ordered, as far as its first and its last page tell."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    NONE = "none"


@dataclass(frozen=True)
class ListProfile:
    """What an earlier scan found out about a list: rows on a page, rows announced, their order."""

    size: int
    total: int
    order: ListOrder

    @property
    def pages(self) -> int:
        """How many pages the list had."""
        return max(1, -(-self.total // self.size)) if self.size else 1

    @property
    def requests(self) -> int:
        """How many requests it takes to read the list whole, if nothing moves."""
        if self.pages == 1:
            return 1
        looks = self.pages // LOOK_EVERY if self.order is ListOrder.NEWEST_FIRST else 0
        readings = 2 if self.order is ListOrder.NONE else 1
        return 1 + readings * self.pages + looks

    def tail(self) -> list[int]:
        """Return the pages of the tail, the one first that tells how much was added."""
        if self.order is ListOrder.OLDEST_FIRST:
            return [self.pages - back for back in range(LOOK_BACK) if self.pages > back]
        return list(range(1, min(self.pages, LOOK_BACK) + 1))


def detect_order(first: Page, last: Page) -> ListOrder:
    """Tell how a list is ordered by its first and its last page."""
    if not (first.keys and last.keys):
        return ListOrder.NONE
    top, above, below, bottom = first.keys[0], first.keys[-1], last.keys[0], last.keys[-1]
    if first.rising and last.rising and above <= below and top < bottom:
        return ListOrder.OLDEST_FIRST
    if first.falling and last.falling and above >= below and top > max(above, bottom):
        return ListOrder.NEWEST_FIRST
    return ListOrder.NONE


READINGS = 6  # of a list without order, before it is given up
USUAL_SIZES = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})  # of a page, whatever was asked


@dataclass(frozen=True)
class ScanOutcome:
    """What a scan found out.

    `announced` is the last total told (the rows seen, where none was told) and `seen` the distinct
    ids. `complete`: the end was reached with at least as many ids as announced. `quiet`: every
    answer told the same total.
    """

    announced: int
    seen: int
    complete: bool
    quiet: bool


PageRequests = Generator[int, Page, ScanOutcome]


@dataclass
class Paginator:
    """The way through one list, and what was seen on it.

    `size` is the rows that a page holds and `total` the rows last announced; 0 and None before the
    first answer. `order` is None until the first and the last page have told it. `ahead` is how
    many pages are still to be asked for, as far as one can tell.
    """

    endpoint: Endpoint
    target: ApiTarget
    size: int = 0
    total: int | None = None
    totals: set[int] = field(default_factory=set)
    counts_pages: bool = False  # its totals are of one page only, and say nothing
    order: ListOrder | None = None
    seen: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)  # of the last answer: not seen before it
    ahead: int = 0
    changes: int = 0  # of the total, from one answer to the next
    _first: Collection[str] = ()  # the rows of page 1, when it was asked first
    _edge: tuple[int, SortKey] | None = None  # the page read before, and the key of its first row

    def walk(self) -> PageRequests:
        """Choose the way by what the first and the last page say."""
        first = yield from self._ask(1)
        self.size, self._first = first.rows, first.records.keys()
        if first.total is not None and first.rows >= first.total:
            yield from self._doubt_total(first)
        if self.total is None:
            self.order = ListOrder.NONE
            return (yield from self._until_agreed(first))
        if first.rows == 0 or first.rows >= self.total:
            return self._verdict()
        self.ahead = self.pages
        last = yield from self._ask(self.pages)
        if self.pages > 1 and last.records.keys() == first.records.keys():
            self._doubt(last, (yield from self._ask(1)))
        left = self.total - (last.page - 1) * self.size
        if last.page <= self.pages and len(last.records) > left:
            self._forget_totals()  # more than it leaves: it counts something else
            return (yield from self._until_agreed(first))
        self.order = detect_order(first, last)
        if self.order is ListOrder.OLDEST_FIRST:
            return (yield from self._backwards(last))
        if self.order is ListOrder.NEWEST_FIRST:
            return (yield from self._backwards_with_looks(last, first))
        return (yield from self._until_agreed())

    def note(self, answer: Page) -> None:
        """Take in an answer, be it one of the walk or of the tail."""
        if answer.total is not None and not self.counts_pages:
            self.changes += self.total not in {None, answer.total}
            self.total = answer.total
            self.totals.add(answer.total)
        self.fresh = answer.records.keys() - self.seen
        self.seen |= self.fresh

    @property
    def pages(self) -> int:
        """How many pages the list has by its last total."""
        return -(-(self.total or 0) // self.size) if self.size else 1

    def _ask(self, page: int) -> Generator[int, Page, Page]:
        answer = yield page
        self.note(answer)
        return answer

    def _doubt_total(self, first: Page) -> Generator[int, Page, None]:
        """Look behind a full page that is said to be all, and forget totals that count a page."""
        if len(first.records) > (first.total or 0):
            self._forget_totals()
        elif first.rows >= self.target.page_size or first.rows in USUAL_SIZES:
            second = yield from self._ask(2)
            if second.rows == second.total and (self.fresh or not second.rows):
                self._forget_totals()

    def _forget_totals(self) -> None:
        self.counts_pages, self.total, self.totals = True, None, set()
        self.order = ListOrder.NONE

    def _doubt(self, answer: Page, first: Page) -> None:
        """Refuse a server that gives page 1 for every page."""
        if answer.records.keys() == first.records.keys():
            raise PageIgnored(self.endpoint.name, self.target.page_param)

    def _backwards(self, last: Page) -> PageRequests:
        """Oldest first: down to page 1, then from the end again for what came meanwhile."""
        while self.pages > last.page:
            last = yield from self._ask(self.pages)
        self._in_order(last)
        newest = (last.keys or (None,))[-1]
        for page in range(last.page - 1, 0, -1):
            self.ahead = page
            answer = yield from self._ask(page)
            if not self._in_order(answer) or newest in self._new_keys(answer):
                return (yield from self._unordered())  # what comes may stand between its equals
        self.ahead = 0
        found = -1
        while found < len(self.seen) < (self.total or 0):
            found = len(self.seen)
            for page in range(self.pages, 0, -1):
                answer = yield from self._ask(page)
                if answer.records and not self.fresh:
                    break
        return self._verdict()

    def _backwards_with_looks(self, last: Page, first: Page) -> PageRequests:
        """Newest first: what came at the front pushed rows to pages that were read already.

        What came and went again between two looks pushed them too, and shows in the total only.
        """
        front = dict(_pair_with_keys(first))
        self._in_order(last)
        stretch, page, changes = last.page, last.page - 1, 0
        for _ in range(3 * last.page + 100):
            self.ahead = page + -(-page // LOOK_EVERY)
            answer = yield from self._ask(page)
            if not self._in_order(answer):
                return (yield from self._unordered())
            page -= 1
            if page == 1 or (page and stretch - page < LOOK_EVERY):
                continue  # page 1 is its own look
            pushed = yield from self._look(answer, front)
            if pushed or self.changes != changes:
                page = min(self.pages, stretch + -(-pushed // self.size))
            changes = self.changes
            if not page:
                self.ahead = 0
                return self._verdict()
            stretch = page
        return self._verdict(given_up=True)

    def _in_order(self, answer: Page) -> bool:
        """Tell whether a page is in order, and its new rows before those of the next page."""
        rising = self.order is ListOrder.OLDEST_FIRST
        edge, self._edge = self._edge, (answer.page, answer.keys[0]) if answer.keys else None
        if not (answer.rising if rising else answer.falling):
            return False
        if edge is None or edge[0] != answer.page + 1:
            return True
        return all(key <= edge[1] if rising else key >= edge[1] for key in self._new_keys(answer))

    def _new_keys(self, answer: Page) -> list[SortKey]:
        return [
            key for row, key in _pair_with_keys(answer) if row in self.fresh or row in self._first
        ]

    def _unordered(self) -> PageRequests:
        """A page was out of order: what the first and the last page told was chance."""
        self.order = ListOrder.NONE
        return (yield from self._until_agreed())

    def _look(self, answer: Page, front: dict[str, SortKey]) -> Generator[int, Page, int]:
        """Count the rows that came before those known to stand at the front, and note them.

        Over several pages some may slip by: no more than stand before the first older row.
        """
        came: dict[str, SortKey] = {}
        page, newest = 1, max(front.values())
        while True:
            ahead = answer if answer.page == page == 1 else (yield from self._ask(page))
            came |= {
                i: key for i, key in _pair_with_keys(ahead) if key >= newest and i not in front
            }
            newer = sum(key >= newest for _, key in _pair_with_keys(ahead))
            if newer < len(ahead.records) or page >= self.pages:
                front.update(came)
                return len(came) if page == 1 else max(len(came), (page - 1) * self.size + newer)
            page += 1

    def _until_agreed(self, first: Page | None = None) -> PageRequests:
        """No order, or no total: forwards, again and again, until two readings are the same.

        What is in both stood between them: no less than the total told there, it was the whole
        list. Without a total that is sure only if rows did not both come and go meanwhile.
        """
        read: set[str] = set(first.records) if first else set()
        before, told = None, 0  # the reading before, and the total at its end
        page, begin = 2 if first else 1, 1
        if first:  # no total would tell that pages are counted from 0, and page 1 is the second
            front = yield from self._ask(0)
            if front.records and front.records.keys().isdisjoint(read):
                begin, read = 0, read | front.records.keys()
        for _ in range(READINGS):
            while self.total is None or page <= self.pages:
                self.ahead = self.pages - page + 1 + (self.pages if before is None else 0)
                answer = yield from self._ask(page)
                if first and page == 2 and first.rows >= self.target.page_size:
                    self._doubt(answer, first)
                if answer.records.keys() <= read:
                    break
                read |= answer.records.keys()
                page += 1
            if read == before:
                self.ahead = 0
                return self._verdict(agreed=len(read), given_up=len(read) < told)
            before, read, page, told = read, set(), begin, self.total or 0
        return self._verdict(given_up=True)

    def _verdict(self, agreed: int | None = None, *, given_up: bool = False) -> ScanOutcome:
        seen = len(self.seen)
        announced = seen if self.total is None else self.total
        complete = not given_up and (seen if agreed is None else agreed) >= announced
        return ScanOutcome(announced, seen, complete, quiet=len(self.totals) == 1)


def _pair_with_keys(answer: Page) -> Iterable[tuple[str, SortKey]]:
    """Give ids with their keys; where an id came twice, some get the key of a row before."""
    return zip(answer.records, answer.keys or (), strict=False)
