"""Pagination: which pages are requested, in which order, and what that proves.

Pages come from a list in memory; the tests of the scan show the same with a server.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.p4books.extract.conftest import property_settings

from p4books.endpoints import ENDPOINTS
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.page import Page, SortKey, empty_page
from p4books.extract.pagination import (
    ListOrder,
    ListProfile,
    Paginator,
    ScanOutcome,
    all_pages,
    detect_order,
    tail_pages,
)

INVOICES = ENDPOINTS["invoices"]

Row = tuple[str, SortKey | None]  # id, sort key
Change = Callable[["Books"], None]


@dataclass
class Books:
    """A paginated list on a server: its rows, and how it responds."""

    rows: list[Row]
    size: int = 3
    past: str = "empty"  # past the end; or "404", or "again" for the last page
    total: bool | str = True  # or False for none, or "page" for the rows of the page
    first: int = 1  # the number of the first page
    ignores_page: bool = False
    change: Change = lambda _: None  # called before each response but the first
    requested: list[int] = field(default_factory=list)

    def answer(self, page: int) -> Page:
        """Return one page."""
        if self.requested:
            self.change(self)
        self.requested.append(page)
        if self.ignores_page:
            return self._page(page, 1)
        last = max(1, -(-len(self.rows) // self.size))
        place = page - self.first + 1 if page else 1  # 0 requests no particular page
        if place > last and self.past == "404":
            return empty_page(page)
        return self._page(page, last if place > last and self.past == "again" else place)

    def _page(self, number: int, place: int) -> Page:
        rows = self.rows[(place - 1) * self.size : place * self.size]
        keys = [key for _, key in rows if key is not None]
        return Page(
            number=number,
            total={True: len(self.rows), "page": len(rows)}.get(self.total),
            rows=len(rows),
            records={row: b"{}" for row, _ in rows},
            keys=tuple(keys) if len(keys) == len(rows) else None,
        )


def _numbered(*numbers: int) -> list[Row]:
    return [(str(n), (len(str(n)), str(n))) for n in numbers]


def _rising(rows: int) -> list[Row]:
    return _numbered(*range(1, rows + 1))


def _falling(rows: int) -> list[Row]:
    return _numbered(*range(rows, 0, -1))


def _unordered(rows: int) -> list[Row]:
    return [(row, None) for row, _ in _rising(rows)]


def _read(books: Books, page_size: int | None = None) -> tuple[ScanOutcome, set[str]]:
    """Read a list to its end; return the outcome and the ids seen."""
    size = books.size if page_size is None else page_size
    paginator = Paginator(INVOICES, _target(size))
    for _ in islice(all_pages(paginator, lambda number, _: books.answer(number)), 5000):
        pass
    assert paginator.outcome, f"no end after pages {books.requested[:50]}…"
    return paginator.outcome, paginator.seen


def _read_tail(books: Books, profile: ListProfile | None) -> list[int]:
    paginator = Paginator(INVOICES, _target(books.size))
    return [page.number for page in tail_pages(paginator, lambda n, _: books.answer(n), profile)]


def _target(page_size: int) -> ApiTarget:
    return ApiTarget("acme", "https://x", "k", page_size, "page", "page_size")


def _ids(rows: Sequence[Row]) -> set[str]:
    return {row for row, _ in rows}


ORDERS = {"rising": _rising, "falling": _falling, "unordered": _unordered}
in_each_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
past_each_end = pytest.mark.parametrize("past", ["empty", "404", "again"])


@in_each_order
@past_each_end
@pytest.mark.parametrize("total", [True, False], ids=["total", "no-total"])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 40])
def test_every_arrangement(
    rows: int, total: bool, past: str, order: Callable[[int], list[Row]]
) -> None:
    """All rows are read, whatever their number, their order and the server's behaviour."""
    if rows == 3 and not total:
        past = "empty"  # one full page, repeated, looks like an ignored page: see below
    books = Books(order(rows), past=past, total=total)

    outcome, seen = _read(books)

    assert seen == _ids(books.rows)
    assert outcome == ScanOutcome(announced=rows, seen=rows, complete=True, quiet=bool(total))


@in_each_order
@past_each_end
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 40])
def test_total_of_the_page(rows: int, past: str, order: Callable[[int], list[Row]]) -> None:
    """A total that counts the rows of a page is not taken for the end of the list."""
    books = Books(order(rows), past=past, total="page")

    outcome, seen = _read(books)

    assert seen == _ids(books.rows)
    assert (outcome.announced, outcome.seen, outcome.complete) == (rows, rows, True)


@pytest.mark.parametrize("size", [10, 20, 25, 50, 100])
def test_total_of_a_page_of_another_size(size: int) -> None:
    """The same for a page that has a common number of rows, not those requested."""
    books = Books(_rising(3 * size - 1), size=size, total="page")

    outcome, seen = _read(books, page_size=7 * size)

    assert (seen, outcome.complete) == (_ids(books.rows), True)


@pytest.mark.parametrize(("rows", "requested"), [(2, [1]), (3, [1, 2]), (9, [1]), (10, [1, 2])])
def test_cost_of_verifying_a_total(rows: int, requested: list[int]) -> None:
    """It takes one request, and only if a page is full or has a common number of rows."""
    books = Books(_rising(rows), size=rows)

    _read(books, page_size=3 if rows == 3 else 1000)

    assert books.requested == requested


def test_row_added_behind_a_full_page() -> None:
    """A row added behind a full page just then does not make its total that of a page."""

    def append(books: Books) -> None:
        books.rows[:] = _rising(4)

    books = Books(_rising(3), change=append)

    outcome, seen = _read(books)

    assert seen == {"1", "2", "3", "4"}
    assert (outcome.announced, outcome.complete, outcome.quiet) == (4, True, False)


@in_each_order
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7, 40])
def test_pages_counted_from_0(rows: int, order: Callable[[int], list[Row]]) -> None:
    """The rows of a page 0 are found and read if no total would reveal that they are missing."""
    books = Books(order(rows), total=False, first=0)

    outcome, seen = _read(books)

    assert seen == _ids(books.rows)
    assert outcome == ScanOutcome(announced=rows, seen=rows, complete=True, quiet=False)


@in_each_order
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 40])
def test_pages_counted_from_0_with_a_total(rows: int, order: Callable[[int], list[Row]]) -> None:
    """If a total reveals that rows are missing, the scan is not complete."""
    outcome, _ = _read(Books(order(rows), first=0))

    assert not outcome.complete


@pytest.mark.parametrize(
    ("rows", "requested"),
    [
        (0, [1]),
        (1, [1]),
        (3, [1, 2]),
        (4, [1, 2, 1]),
        (6, [1, 2, 1]),
        (7, [1, 3, 2, 1]),
        (30, [1, *range(10, 0, -1)]),
    ],
)
def test_oldest_first(rows: int, requested: list[int]) -> None:
    """Page 1 first, then from the last page down to page 1, and no other request."""
    books = Books(_rising(rows))

    _read(books)

    assert books.requested == requested


@pytest.mark.parametrize(
    ("pages", "requested"),
    [
        (1, [1, 2]),
        (2, [1, 2, 1]),
        (9, [1, *range(9, 0, -1)]),
        (10, [1, *range(10, 0, -1)]),
        (11, [1, *range(11, 2, -1), 1, 2, 1]),
        (20, [1, *range(20, 11, -1), 1, *range(11, 2, -1), 1, 2, 1]),
    ],
)
def test_newest_first(pages: int, requested: list[int]) -> None:
    """A list that grows at its front is read backwards too, with checks of page 1 in between."""
    books = Books(_falling(pages * 3))

    _read(books)

    assert books.requested == requested


def test_no_order() -> None:
    """A list without order is read forwards, twice."""
    books = Books(_unordered(8))

    _read(books)

    assert books.requested == [1, 3, 1, 2, 3, 1, 2, 3]


def test_no_total() -> None:
    """Without a total a list is read until a page has nothing new, twice."""
    books = Books(_rising(8), total=False)

    _read(books)

    assert books.requested == [1, 0, 2, 3, 4, 1, 2, 3, 4]


def test_order_broken_in_the_middle() -> None:
    """An order that only the first and the last page have does not count."""
    books = Books(_numbered(1, 2, 9, 3, 5, 4, 7, 6, 8, 10, 11, 12))

    outcome, seen = _read(books)

    assert len(seen) == 12
    assert outcome.complete
    assert books.requested[-8:] == [1, 2, 3, 4] * 2


def test_order_broken_between_pages() -> None:
    """Pages in order by themselves but not one after the other do not count."""
    books = Books(_numbered(1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12))

    outcome, seen = _read(books)

    assert len(seen) == 12
    assert outcome.complete
    assert books.requested == [1, 4, 3, 2, *[1, 2, 3, 4] * 2]


def test_equal_dates() -> None:
    """If all rows have the same creation date the list has no order."""
    books = Books([(str(n), (0, "2026-03-31")) for n in range(8)])

    _read(books)

    assert books.requested == [1, 3, 1, 2, 3, 1, 2, 3]


def test_size_not_honoured() -> None:
    """A page has the rows the server returns, not those requested."""
    books = Books(_rising(10), size=3)

    outcome, seen = _read(books, page_size=100)

    assert seen == _ids(books.rows)
    assert books.requested == [1, 4, 3, 2, 1]
    assert outcome.complete


@pytest.mark.parametrize("order", [_rising, _falling, _unordered])
def test_page_ignored(order: Callable[[int], list[Row]]) -> None:
    """A server that returns page 1 for every page is detected within three requests."""
    books = Books(order(30), ignores_page=True)

    with pytest.raises(PageIgnored, match="parameter `page`"):
        _read(books)

    assert len(books.requested) <= 3


def test_page_ignored_without_total() -> None:
    """Without a total page 2 reveals it."""
    books = Books(_rising(30), ignores_page=True, total=False)

    with pytest.raises(PageIgnored):
        _read(books)

    assert books.requested == [1, 0, 2]


def test_one_full_page_repeated() -> None:
    """Without a total, one full page returned again looks like an ignored page and raises."""
    books = Books(_rising(3), past="again", total=False)

    with pytest.raises(PageIgnored):
        _read(books)


def test_shrunk_to_one_page() -> None:
    """A list that shrank to one page, returned again for page 2, does not raise."""

    def shrink(books: Books) -> None:
        del books.rows[3:]

    books = Books(_rising(4), past="again", change=shrink)

    outcome, seen = _read(books)

    assert seen == {"1", "2", "3"}
    assert outcome.complete
    assert not outcome.quiet


@pytest.mark.parametrize("rows", [35, 120, 1005])
def test_total_counts_pages(rows: int) -> None:
    """A total smaller than the rows received is not taken for the end of the list."""

    @dataclass
    class Paged(Books):
        def _page(self, number: int, place: int) -> Page:
            page = super()._page(number, place)
            pages = -(-len(self.rows) // self.size)
            return Page(number, pages, page.rows, page.records, page.keys)

    outcome, seen = _read(Paged(_rising(rows), size=10))

    assert len(seen) == rows
    assert (outcome.complete, outcome.quiet) == (True, False)


def test_fewer_than_announced() -> None:
    """A list that announces more rows than it returns is not complete."""

    @dataclass
    class Exaggerating(Books):
        def _page(self, number: int, place: int) -> Page:
            page = super()._page(number, place)
            return Page(number, 9, page.rows, page.records, page.keys)

    outcome, seen = _read(Exaggerating(_rising(7)))

    assert len(seen) == 7
    assert outcome == ScanOutcome(announced=9, seen=7, complete=False, quiet=True)


def test_rows_announced_and_none_returned() -> None:
    """A list that announces rows but has an empty first page is not complete."""
    paginator = Paginator(INVOICES, _target(3))

    paginator.receive(Page(1, 5, 0, {}, ()))

    assert paginator.outcome == ScanOutcome(announced=5, seen=0, complete=False, quiet=True)


# Lists that change while they are read.


def _appended(books: Books, number: Iterator[int]) -> None:
    def append(books: Books) -> None:
        if len(books.requested) in {2, 4}:
            books.rows += _numbered(next(number))

    books.change = append


def test_rows_appended() -> None:
    """Rows appended during a scan are read too, and the scan is not quiet."""
    books = Books(_rising(9))
    _appended(books, count(10))

    outcome, seen = _read(books)

    assert seen == _ids(_rising(11))
    assert outcome == ScanOutcome(announced=11, seen=11, complete=True, quiet=False)


def test_appended_after_deletions() -> None:
    """A new row is found even if the end has moved to an earlier page."""

    def change(books: Books) -> None:
        if len(books.requested) == 1:
            del books.rows[0:2]
        if len(books.requested) == 2:
            books.rows += _numbered(8)

    books = Books(_rising(7), change=change)

    outcome, seen = _read(books)

    assert "8" in seen
    assert outcome.complete


def test_added_in_front() -> None:
    """Rows added at the front are read, and those they pushed to pages already read."""

    def add(books: Books) -> None:
        if len(books.requested) == 3:
            books.rows[:0] = _numbered(13, 12, 11, 10)

    books = Books(_falling(9), change=add)

    outcome, seen = _read(books)

    assert seen == _ids(_falling(13))
    assert outcome == ScanOutcome(announced=13, seen=13, complete=True, quiet=False)


def test_added_and_deleted_in_front() -> None:
    """A row added and deleted between two checks of the front pushed others: they are read."""

    def add_and_delete(books: Books) -> None:
        if len(books.requested) == 3:
            books.rows[:0] = _numbered(100)
        if len(books.requested) == 4:
            books.rows.remove(_numbered(100)[0])

    books = Books(_falling(60), change=add_and_delete)

    outcome, seen = _read(books)

    assert _ids(_falling(60)) <= seen
    assert outcome.complete


def test_order_by_chance() -> None:
    """Three rows in order may be so by chance; a row added between them reveals it."""

    def change(books: Books) -> None:
        if len(books.requested) == 1:
            books.rows = _numbered(8, 10, 7, 11)
        if len(books.requested) == 2:
            books.rows = _numbered(8, 10, 12, 7)

    books = Books(_numbered(8, 9, 10, 7), change=change)

    outcome, seen = _read(books)

    assert seen >= {"8", "10", "7"}
    assert books.requested[3:] == [1, 2, 1, 2]
    assert outcome == ScanOutcome(announced=4, seen=6, complete=True, quiet=True)


def _of_one_day(*names: str, day: int = 2) -> list[Row]:
    return [(name, (0, f"2026-03-{day:02}")) for name in names]


def test_added_among_equal_dates() -> None:
    """A new row may precede others of its date, and push one to a page already read."""
    old = _of_one_day(*"abcde", day=1)

    def change(books: Books) -> None:
        if len(books.requested) == 2:
            books.rows = [*old, *_of_one_day("new", "f", "g", "i")]

    books = Books([*old, *_of_one_day("f", "g", "h", "i")], change=change)

    outcome, seen = _read(books)

    assert seen >= {*"abcdefgi", "new"}
    assert outcome.complete


def test_first_page_of_one_date() -> None:
    """If the whole first page has one date, new rows may appear behind it: there is no order."""
    books = Books([*_of_one_day(*"abcd"), *_of_one_day(*"efgh", day=1)])

    outcome, seen = _read(books)

    assert len(seen) == 8
    assert books.requested == [1, 3, 1, 2, 3, 1, 2, 3]
    assert outcome.complete


def test_front_renewed_at_every_check() -> None:
    """A scan whose front is renewed faster than it is read is given up, and not complete."""
    number = count(10)

    def renew(books: Books) -> None:
        for _ in range(1 if len(books.requested) < 3 else 2):
            books.rows = [*_numbered(next(number)), *books.rows[:-1]]

    books = Books(_numbered(9, 8, 7, 6), size=2, past="again", change=renew)

    outcome, _ = _read(books)

    assert not outcome.complete


def test_missed_by_both_passes() -> None:
    """Two passes that missed the same row are not complete, whatever the last total."""
    orders = {4: "zeabcgxdf", 5: "eabcgxdf", 8: "yeabcgxdf", 9: "eabcgxdfw", 10: "abcgxdf"}

    def change(books: Books) -> None:
        if len(books.requested) in orders:
            books.rows = [(row, None) for row in orders[len(books.requested)]]

    books = Books([(row, None) for row in "eabcgxdf"], size=2, change=change)

    outcome, seen = _read(books)

    assert books.requested == [1, 4, 1, 2, 3, 4, 1, 2, 3, 4, 5]
    assert seen == set("eabcgdf")
    assert outcome == ScanOutcome(announced=7, seen=7, complete=False, quiet=False)


def test_whole_front_deleted() -> None:
    """A check that finds only new rows ends with the list, even if its last page comes again."""

    def replace(books: Books) -> None:
        if len(books.requested) == 4:
            books.rows[:] = _numbered(92, 91)

    books = Books(_falling(12), past="again", change=replace)

    outcome, seen = _read(books)

    assert {"91", "92"} <= seen
    assert not outcome.quiet


def test_never_two_equal_passes() -> None:
    """A scan of a list that changes at every request is given up, and not complete."""

    def renew(books: Books) -> None:
        books.rows = [(f"{len(books.requested)}-{n}", None) for n in range(7)]

    books = Books(_unordered(7), change=renew)

    outcome, _ = _read(books)

    assert not outcome.complete
    assert len(books.requested) < 30


MOVES = st.lists(st.integers(0, 11), max_size=60)


class Moves:
    """Changes encoded as numbers; `standing` are the ids of initial rows never deleted.

    `moments` rows at a time share one sort key. Only initial rows are deleted.
    """

    def __init__(self, books: Books, moves: Sequence[int], moments: int, *, front: bool) -> None:
        self.standing = _ids(books.rows)
        self._moves = iter(moves)
        self._next = count(len(books.rows))
        self._moments = moments
        self._front = front
        books.rows[:] = [self._new() for _ in books.rows]
        self.standing = _ids(books.rows)
        self._first = list(self.standing)
        if front:
            books.rows.reverse()
        books.change = self

    def __call__(self, books: Books) -> None:
        """Make the next change: 1 to 3 add rows, 4 to 9 delete one, 10 and 11 do both."""
        move = next(self._moves, 0)
        for _ in range(min(move, 1) if move > 9 else move if move < 4 else 0):
            books.rows.insert(0 if self._front else len(books.rows), self._new())
        if move > 3 and self.standing:
            gone = sorted(self.standing)[move % len(self.standing)]
            self.standing.discard(gone)
            books.rows[:] = [row for row in books.rows if row[0] != gone]

    def _new(self) -> Row:
        number = next(self._next)
        if self._moments == 1:
            return _numbered(number)[0]
        return f"id-{number}", (0, f"{number // self._moments:09}")


@property_settings(80)
@given(
    rows=st.integers(0, 30),
    size=st.integers(2, 5),
    past=st.sampled_from(["empty", "404", "again"]),
    moments=st.sampled_from([1, 3]),
    moves=MOVES,
)
def test_no_standing_row_is_lost(
    rows: int, size: int, past: str, moments: int, moves: list[int]
) -> None:
    """In a list that grows at its end no row that existed throughout is ever lost."""
    books = Books(_rising(rows), size=size, past=past)
    moving = Moves(books, moves, moments, front=False)

    outcome, seen = _read(books)

    assert moving.standing <= seen
    assert outcome.quiet or any(moves)


@property_settings(80)
@given(
    rows=st.integers(0, 30),
    size=st.integers(2, 5),
    past=st.sampled_from(["empty", "404", "again"]),
    moments=st.sampled_from([1, 3, 1000]),
    moves=MOVES,
)
def test_no_standing_row_is_lost_by_a_growing_front(
    rows: int, size: int, past: str, moments: int, moves: list[int]
) -> None:
    """In a list that grows at its front a complete scan lost no row that existed throughout."""
    books = Books(_falling(rows), size=size, past=past)
    moving = Moves(books, moves, moments, front=True)

    outcome, seen = _read(books)

    assert not outcome.complete or moving.standing <= seen


@property_settings(40)
@given(
    rows=st.integers(7, 40),
    order=st.sampled_from([_rising, _falling]),
    at=st.integers(1, 20),
    added=st.integers(1, 3),
)
def test_one_change(rows: int, order: Callable[[int], list[Row]], at: int, added: int) -> None:
    """A change at any one instant leaves the scan complete and loses no row that existed."""
    new = _numbered(*range(100, 100 + added))

    def change(books: Books) -> None:
        if len(books.requested) == at:
            del books.rows[len(books.rows) // 2]
            if order is _falling:
                books.rows[:0] = reversed(new)
            else:
                books.rows += new

    books = Books(order(rows), change=change)
    gone = books.rows[rows // 2][0]

    outcome, seen = _read(books)

    assert _ids(order(rows)) - {gone} <= seen
    assert outcome.complete


@pytest.mark.parametrize(
    ("earlier", "now", "requested"),
    [
        (30, 30, [10, 9]),
        (30, 31, [10, 9, 11]),
        (30, 36, [10, 9, 11, 12]),
        (30, 20, [10, 9, 6, 7, 8]),
        (30, 26, [10, 9, 8]),
        (3, 3, [1]),
        (3, 0, [1]),
    ],
)
def test_tail_of_oldest_first(earlier: int, now: int, requested: list[int]) -> None:
    """The tail is the last two pages, and follows the end to where it is now."""
    profile = ListProfile(3, earlier, ListOrder.OLDEST_FIRST)

    assert _read_tail(Books(_rising(now)), profile) == requested


@pytest.mark.parametrize(
    ("earlier", "now", "requested"),
    [(30, 30, [1, 2]), (30, 31, [1, 2, 3]), (30, 36, [1, 2, 3, 4]), (30, 12, [1, 2]), (3, 3, [1])],
)
def test_tail_of_newest_first(earlier: int, now: int, requested: list[int]) -> None:
    """The tail is the first two pages, and as many more as rows were added."""
    profile = ListProfile(3, earlier, ListOrder.NEWEST_FIRST)

    assert _read_tail(Books(_falling(now)), profile) == requested


@pytest.mark.parametrize(
    ("books", "requested"),
    [
        (Books(_rising(30)), [1, 10, 9]),
        (Books(_falling(30)), [1, 10, 2]),
        (Books(_unordered(30)), [1, 10, 2]),
        (Books(_rising(6)), [1, 2]),
        (Books(_rising(3)), [1]),
        (Books([]), [1]),
        (Books(_rising(30), total=False), [1]),
    ],
)
def test_tail_of_an_unknown_list(books: Books, requested: list[int]) -> None:
    """Without a profile the first and the last page show where the tail is."""
    assert _read_tail(books, None) == requested


def test_tail_is_recorded() -> None:
    """Rows and totals of the tail count as seen by the paginator."""
    paginator = Paginator(INVOICES, _target(3))

    pages = list(tail_pages(paginator, lambda n, _: Books(_rising(30)).answer(n)))

    assert [page.number for page in pages] == [1, 10, 9]
    assert paginator.seen == {row for page in pages for row in page.records}
    assert (paginator.total, paginator.page_size) == (30, 3)


def test_stopped_early() -> None:
    """A fetch that returns None stops the pages; they continue from there later."""
    books, paginator = Books(_rising(9)), Paginator(INVOICES, _target(3))
    budget = iter([True, True, False, True, True, True])

    def fetch(number: int, _: int | None) -> Page | None:
        return books.answer(number) if next(budget) else None

    first = [page.number for page in all_pages(paginator, fetch)]
    outcome = paginator.outcome
    rest = [page.number for page in all_pages(paginator, fetch)]

    assert (first, outcome, rest) == ([1, 3], None, [2, 1])
    assert paginator.outcome == ScanOutcome(9, 9, complete=True, quiet=True)


def test_observed_size() -> None:
    """A fetch gets the number of rows that a page holds as soon as the first page has shown it."""
    books, sizes = Books(_rising(9)), []

    def fetch(number: int, observed_size: int | None) -> Page:
        sizes.append(observed_size)
        return books.answer(number)

    for _ in all_pages(Paginator(INVOICES, _target(100)), fetch):
        pass

    assert sizes == [None, 3, 3, 3]


# The profile of a list.


@pytest.mark.parametrize(
    ("order", "total", "pages", "requests", "tail"),
    [
        (ListOrder.OLDEST_FIRST, 0, 1, 1, [1]),
        (ListOrder.OLDEST_FIRST, 10, 1, 1, [1]),
        (ListOrder.OLDEST_FIRST, 11, 2, 3, [2, 1]),
        (ListOrder.OLDEST_FIRST, 95, 10, 11, [10, 9]),
        (ListOrder.NEWEST_FIRST, 95, 10, 12, [1, 2]),
        (ListOrder.NEWEST_FIRST, 10, 1, 1, [1]),
        (ListOrder.NONE, 95, 10, 21, [1, 2]),
    ],
)
def test_profile(order: ListOrder, total: int, pages: int, requests: int, tail: list[int]) -> None:
    """A profile tells how long a list is, what a scan costs, and where its new rows appear."""
    profile = ListProfile(10, total, order)

    assert (profile.pages, profile.requests, profile.tail) == (pages, requests, tail)


def _keyed_page(*numbers: int) -> Page:
    keys = tuple((0, str(number)) for number in numbers)
    return Page(1, None, len(numbers), {str(n): b"{}" for n in numbers}, keys)


@pytest.mark.parametrize(
    ("first", "last", "order"),
    [
        ((1, 2), (3, 4), ListOrder.OLDEST_FIRST),
        ((1, 1), (1, 2), ListOrder.OLDEST_FIRST),
        ((4, 3), (2, 1), ListOrder.NEWEST_FIRST),
        ((1, 2), (4, 3), ListOrder.NONE),
        ((3, 4), (1, 2), ListOrder.NONE),
        ((1, 1), (1, 1), ListOrder.NONE),
        ((1, 2), (), ListOrder.NONE),
        ((), (), ListOrder.NONE),
    ],
)
def test_detect_order(first: tuple[int, ...], last: tuple[int, ...], order: ListOrder) -> None:
    """The first and the last page show the order of a list, or that it has none."""
    assert detect_order(_keyed_page(*first), _keyed_page(*last)) is order


def test_detect_order_without_keys() -> None:
    """Rows without sort keys have no order."""
    rows = Page(1, None, 1, {"a": b"{}"}, None)

    assert detect_order(rows, rows) is ListOrder.NONE


@pytest.mark.parametrize("make", [_rising, _falling, _unordered])
def test_total_that_stops_at_a_round_number(make: Callable[[int], list[Row]]) -> None:
    """If the server counts to a round number only, the rows behind are read all the same."""

    class Capped(Books):
        def _page(self, number: int, place: int) -> Page:
            page = super()._page(number, place)
            return replace(page, total=min(len(self.rows), 1000))

    books = Capped(make(1203), size=100)

    outcome, seen = _read(books)

    assert (outcome.complete, outcome.announced, len(seen)) == (True, 1203, 1203)
    assert not outcome.quiet


def test_round_total() -> None:
    """A list of a round number of rows takes one request more, and is proved complete as usual."""
    books = Books(_rising(1000), size=100)

    outcome, seen = _read(books)

    assert (outcome, len(seen)) == (ScanOutcome(1000, 1000, complete=True, quiet=True), 1000)
    assert sorted(books.requested) == [1, *range(1, 12)]
