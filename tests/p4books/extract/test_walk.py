"""Which pages are read, and in which order?

A walk is a generator of page numbers, so these tests answer it from a list in memory; that a list
is read the same way from a server is shown with the scans.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4books.endpoints import ENDPOINTS
from p4books.errors import PageIgnored
from p4books.extract.client import ApiTarget
from p4books.extract.page import Page, SortKey, empty_page
from p4books.extract.pagination import Paginator, ScanOutcome, all_pages

INVOICES = ENDPOINTS["invoices"]

Row = tuple[str, SortKey | None]  # its id, and what the list is ordered by
Change = Callable[["Books"], None]


@dataclass
class Books:
    """A list on a server that pages it: what stands in it, and how it answers."""

    rows: list[Row]
    size: int = 3
    past: str = "empty"  # or "404", or "again": the last page once more
    total: bool | str = True  # or False: none is told; or "page": of the page's rows only
    first: int = 1  # the number of the first page
    ignores_page: bool = False
    change: Change = lambda _: None  # done before each answer but the first
    asked: list[int] = field(default_factory=list)

    def answer(self, page: int) -> Page:
        """Answer one request."""
        if self.asked:
            self.change(self)
        self.asked.append(page)
        if self.ignores_page:
            return self._page(page, 1)
        last = max(1, -(-len(self.rows) // self.size))
        place = page - self.first + 1 if page else 1  # no page named is the first one
        if place > last and self.past == "404":
            return empty_page(page)
        return self._page(page, last if place > last and self.past == "again" else place)

    def _page(self, asked: int, given: int) -> Page:
        rows = self.rows[(given - 1) * self.size : given * self.size]
        keys = [key for _, key in rows if key is not None]
        return Page(
            number=asked,
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


def _read(books: Books, asks_for: int | None = None) -> tuple[ScanOutcome, set[str]]:
    """Walk through a list; give the verdict and the ids seen."""
    size = books.size if asks_for is None else asks_for
    paginator = Paginator(INVOICES, ApiTarget("acme", "https://x", "k", size, "page", "page_size"))
    for _ in islice(all_pages(paginator, lambda number, _: books.answer(number)), 5000):
        pass
    assert paginator.outcome, f"no end after pages {books.asked[:50]}…"
    return paginator.outcome, paginator.seen


def _ids(rows: Sequence[Row]) -> set[str]:
    return {row for row, _ in rows}


# A list that stands still.

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
    """Whatever the number of rows, their order and the server's way: all are read, once whole."""
    if rows == 3 and not total:
        past = "empty"  # one full page, again and again, is a page ignored: see below
    books = Books(order(rows), past=past, total=total)

    verdict, seen = _read(books)

    assert seen == _ids(books.rows)
    assert verdict == ScanOutcome(announced=rows, seen=rows, complete=True, quiet=bool(total))


@in_each_order
@past_each_end
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 40])
def test_total_of_the_page(rows: int, past: str, order: Callable[[int], list[Row]]) -> None:
    """A total that counts the page's rows only is not taken for the end of the list."""
    books = Books(order(rows), past=past, total="page")

    verdict, seen = _read(books)

    assert seen == _ids(books.rows)
    assert (verdict.announced, verdict.seen, verdict.complete) == (rows, rows, True)


@pytest.mark.parametrize("size", [10, 20, 25, 50, 100])
def test_total_of_a_page_of_another_size(size: int) -> None:
    """The same of a page that holds a usual number of rows, not those asked for."""
    books = Books(_rising(3 * size - 1), size=size, total="page")

    verdict, seen = _read(books, asks_for=7 * size)

    assert (seen, verdict.complete) == (_ids(books.rows), True)


@pytest.mark.parametrize(("rows", "asked"), [(2, [1]), (3, [1, 2]), (9, [1]), (10, [1, 2])])
def test_what_a_doubt_costs(rows: int, asked: list[int]) -> None:
    """One request more, and only where a page is full or holds a usual number of rows."""
    books = Books(_rising(rows), size=rows)

    _read(books, asks_for=3 if rows == 3 else 1000)

    assert books.asked == asked


def test_one_more_behind_a_full_page() -> None:
    """A row that comes just then behind a full page is no sign that totals count a page."""

    def append(books: Books) -> None:
        books.rows[:] = _rising(4)

    books = Books(_rising(3), change=append)

    verdict, seen = _read(books)

    assert seen == {"1", "2", "3", "4"}
    assert (verdict.announced, verdict.complete, verdict.quiet) == (4, True, False)


@in_each_order
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7, 40])
def test_pages_counted_from_0(rows: int, order: Callable[[int], list[Row]]) -> None:
    """Where no total would miss them, the rows of a page 0 are found and read."""
    books = Books(order(rows), total=False, first=0)

    verdict, seen = _read(books)

    assert seen == _ids(books.rows)
    assert verdict == ScanOutcome(announced=rows, seen=rows, complete=True, quiet=False)


@in_each_order
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 40])
def test_pages_counted_from_0_with_a_total(rows: int, order: Callable[[int], list[Row]]) -> None:
    """Where a total tells that rows are missing, the list is not complete."""
    verdict, _ = _read(Books(order(rows), first=0))

    assert not verdict.complete


@pytest.mark.parametrize(
    ("rows", "asked"),
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
def test_oldest_first(rows: int, asked: list[int]) -> None:
    """Page 1 first, then from the last page down to page 1, and not one request more."""
    books = Books(_rising(rows))

    _read(books)

    assert books.asked == asked


@pytest.mark.parametrize(
    ("pages", "asked"),
    [
        (1, [1, 2]),
        (2, [1, 2, 1]),
        (9, [1, *range(9, 0, -1)]),
        (10, [1, *range(10, 0, -1)]),
        (11, [1, *range(11, 2, -1), 1, 2, 1]),
        (20, [1, *range(20, 11, -1), 1, *range(11, 2, -1), 1, 2, 1]),
    ],
)
def test_newest_first(pages: int, asked: list[int]) -> None:
    """A list that grows at its front is read backwards too, with a look at page 1 in between."""
    books = Books(_falling(pages * 3))

    _read(books)

    assert books.asked == asked


def test_no_order() -> None:
    """A list without order is read forwards, twice."""
    books = Books(_unordered(8))

    _read(books)

    assert books.asked == [1, 3, 1, 2, 3, 1, 2, 3]


def test_no_total() -> None:
    """Without a total a list is read until a page brings nothing new, twice."""
    books = Books(_rising(8), total=False)

    _read(books)

    assert books.asked == [1, 0, 2, 3, 4, 1, 2, 3, 4]


def test_order_that_does_not_hold() -> None:
    """Order between the first and the last page, but not in the middle, is no order."""
    books = Books(_numbered(1, 2, 9, 3, 5, 4, 7, 6, 8, 10, 11, 12))

    verdict, seen = _read(books)

    assert len(seen) == 12
    assert verdict.complete
    assert books.asked[-8:] == [1, 2, 3, 4] * 2


def test_pages_that_do_not_follow() -> None:
    """Pages that are in order by themselves, but not after each other, are no order."""
    books = Books(_numbered(1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12))

    verdict, seen = _read(books)

    assert len(seen) == 12
    assert verdict.complete
    assert books.asked == [1, 4, 3, 2, *[1, 2, 3, 4] * 2]


def test_all_of_one_moment() -> None:
    """Where all rows were created in one moment nothing tells their order: none is taken."""
    books = Books([(str(n), (0, "2026-03-31")) for n in range(8)])

    _read(books)

    assert books.asked == [1, 3, 1, 2, 3, 1, 2, 3]


def test_size_not_honoured() -> None:
    """A page holds what the server gives, not what was asked for."""
    books = Books(_rising(10), size=3)

    verdict, seen = _read(books, asks_for=100)

    assert seen == _ids(books.rows)
    assert books.asked == [1, 4, 3, 2, 1]
    assert verdict.complete


# What the server gets wrong.


@pytest.mark.parametrize("order", [_rising, _falling, _unordered])
def test_page_ignored(order: Callable[[int], list[Row]]) -> None:
    """A server that gives page 1 for every page is seen within three requests."""
    books = Books(order(30), ignores_page=True)

    with pytest.raises(PageIgnored, match="parameter `page`"):
        _read(books)

    assert len(books.asked) <= 3


def test_page_ignored_without_total() -> None:
    """Without a total page 2 tells it."""
    books = Books(_rising(30), ignores_page=True, total=False)

    with pytest.raises(PageIgnored):
        _read(books)

    assert books.asked == [1, 0, 2]


def test_one_full_page_again_and_again() -> None:
    """Without a total, one full page given again may as well be a page ignored: it is refused."""
    books = Books(_rising(3), past="again", total=False)

    with pytest.raises(PageIgnored):
        _read(books)


def test_shrunk_to_one_page() -> None:
    """A list that shrank to one page, given again for page 2, is not a page ignored."""

    def shrink(books: Books) -> None:
        del books.rows[3:]

    books = Books(_rising(4), past="again", change=shrink)

    verdict, seen = _read(books)

    assert seen == {"1", "2", "3"}
    assert verdict.complete
    assert not verdict.quiet


@pytest.mark.parametrize("rows", [35, 120, 1005])
def test_a_total_that_counts_pages(rows: int) -> None:
    """A total that is smaller than what comes is not taken for the end of the list."""

    @dataclass
    class Paged(Books):
        def _page(self, asked: int, given: int) -> Page:
            answer = super()._page(asked, given)
            pages = -(-len(self.rows) // self.size)
            return Page(asked, pages, answer.rows, answer.records, answer.keys)

    verdict, seen = _read(Paged(_rising(rows), size=10))

    assert len(seen) == rows
    assert (verdict.complete, verdict.quiet) == (True, False)


def test_fewer_than_announced() -> None:
    """A list that announces more rows than it gives is not complete."""

    @dataclass
    class Boasting(Books):
        def _page(self, asked: int, given: int) -> Page:
            answer = super()._page(asked, given)
            return Page(asked, 9, answer.rows, answer.records, answer.keys)

    verdict, seen = _read(Boasting(_rising(7)))

    assert len(seen) == 7
    assert verdict == ScanOutcome(announced=9, seen=7, complete=False, quiet=True)


def test_rows_announced_and_none_given() -> None:
    """An empty first page of a list that announces rows is not complete."""
    paginator = Paginator(INVOICES, ApiTarget("acme", "https://x", "k", 3, "page", "page_size"))

    paginator.receive(Page(1, 5, 0, {}, ()))

    assert paginator.outcome == ScanOutcome(announced=5, seen=0, complete=False, quiet=True)


# A list that changes while it is read.


def _appended(books: Books, number: Iterator[int]) -> None:
    def append(books: Books) -> None:
        if len(books.asked) in {2, 4}:
            books.rows += _numbered(next(number))

    books.change = append


def test_rows_appended() -> None:
    """What is appended while a list is read is read too, and the scan is not quiet."""
    books = Books(_rising(9))
    _appended(books, count(10))

    verdict, seen = _read(books)

    assert seen == _ids(_rising(11))
    assert verdict == ScanOutcome(announced=11, seen=11, complete=True, quiet=False)


def test_appended_after_others_went() -> None:
    """A new row is found too where the end has moved to an earlier page."""

    def change(books: Books) -> None:
        if len(books.asked) == 1:
            del books.rows[0:2]
        if len(books.asked) == 2:
            books.rows += _numbered(8)

    books = Books(_rising(7), change=change)

    verdict, seen = _read(books)

    assert "8" in seen
    assert verdict.complete


def test_put_in_front() -> None:
    """What came at the front, and what it pushed to pages already read, is read."""

    def put(books: Books) -> None:
        if len(books.asked) == 3:
            books.rows[:0] = _numbered(13, 12, 11, 10)

    books = Books(_falling(9), change=put)

    verdict, seen = _read(books)

    assert seen == _ids(_falling(13))
    assert verdict == ScanOutcome(announced=13, seen=13, complete=True, quiet=False)


def test_came_and_went_in_front() -> None:
    """A row that came and went between two looks pushed others to pages that were read."""

    def come_and_go(books: Books) -> None:
        if len(books.asked) == 3:
            books.rows[:0] = _numbered(100)
        if len(books.asked) == 4:
            books.rows.remove(_numbered(100)[0])

    books = Books(_falling(60), change=come_and_go)

    verdict, seen = _read(books)

    assert _ids(_falling(60)) <= seen
    assert verdict.complete


def test_moved_between_the_last_page_and_the_one_before() -> None:
    """Three rows in order may be chance: what comes between the others shows that it was."""

    def move(books: Books) -> None:
        if len(books.asked) == 1:
            books.rows = _numbered(8, 10, 7, 11)
        if len(books.asked) == 2:
            books.rows = _numbered(8, 10, 12, 7)

    books = Books(_numbered(8, 9, 10, 7), change=move)

    verdict, seen = _read(books)

    assert seen >= {"8", "10", "7"}
    assert books.asked[3:] == [1, 2, 1, 2]
    assert verdict == ScanOutcome(announced=4, seen=6, complete=True, quiet=True)


def _of_one_day(*names: str, day: int = 2) -> list[Row]:
    return [(name, (0, f"2026-03-{day:02}")) for name in names]


def test_came_among_its_equals() -> None:
    """A new row may stand before others of its day, and push one to the page that was read."""
    old = _of_one_day(*"abcde", day=1)

    def move(books: Books) -> None:
        if len(books.asked) == 2:
            books.rows = [*old, *_of_one_day("new", "f", "g", "i")]

    books = Books([*old, *_of_one_day("f", "g", "h", "i")], change=move)

    verdict, seen = _read(books)

    assert seen >= {*"abcdefgi", "new"}
    assert verdict.complete


def test_came_among_its_equals_in_front() -> None:
    """Where the whole first page is of one day, new rows may come behind it: there is no order."""
    books = Books([*_of_one_day(*"abcd"), *_of_one_day(*"efgh", day=1)])

    verdict, seen = _read(books)

    assert len(seen) == 8
    assert books.asked == [1, 3, 1, 2, 3, 1, 2, 3]
    assert verdict.complete


def test_all_new_at_every_look() -> None:
    """A front that is renewed faster than it is read is given up, and not complete."""
    number = count(10)

    def renew(books: Books) -> None:
        for _ in range(1 if len(books.asked) < 3 else 2):
            books.rows = [*_numbered(next(number)), *books.rows[:-1]]

    books = Books(_numbered(9, 8, 7, 6), size=2, past="again", change=renew)

    verdict, _ = _read(books)

    assert not verdict.complete


def test_slipped_by_twice() -> None:
    """Two readings that lack the same row are not taken for the list, whatever its last total."""
    orders = {4: "zeabcgxdf", 5: "eabcgxdf", 8: "yeabcgxdf", 9: "eabcgxdfw", 10: "abcgxdf"}

    def move(books: Books) -> None:
        if len(books.asked) in orders:
            books.rows = [(row, None) for row in orders[len(books.asked)]]

    books = Books([(row, None) for row in "eabcgxdf"], size=2, change=move)

    verdict, seen = _read(books)

    assert books.asked == [1, 4, 1, 2, 3, 4, 1, 2, 3, 4, 5]
    assert seen == set("eabcgdf")
    assert verdict == ScanOutcome(announced=7, seen=7, complete=False, quiet=False)


def test_all_that_stood_in_front_is_gone() -> None:
    """A look that finds new rows only ends with the list, also where its last page comes again."""

    def replace(books: Books) -> None:
        if len(books.asked) == 4:
            books.rows[:] = _numbered(92, 91)

    books = Books(_falling(12), past="again", change=replace)

    verdict, seen = _read(books)

    assert {"91", "92"} <= seen
    assert not verdict.quiet


def test_never_the_same_twice() -> None:
    """A list without order that changes at every request is given up, and not complete."""

    def renew(books: Books) -> None:
        books.rows = [(f"{len(books.asked)}-{n}", None) for n in range(7)]

    books = Books(_unordered(7), change=renew)

    verdict, _ = _read(books)

    assert not verdict.complete
    assert len(books.asked) < 30


MOVES = st.lists(st.integers(0, 11), max_size=60)


class Moves:
    """Changes told by numbers, and which of the first rows stood all the time.

    The rows come in `moments`: so many of them share one key. Only rows that stood from the start
    are deleted.
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
        """Make the next move: 1 to 3 rows come, 4 to 9 one goes, 10 and 11 both, else none."""
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


@settings(max_examples=300, deadline=None)
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
    """In a list that grows at its end no row that stood all the time is ever lost."""
    books = Books(_rising(rows), size=size, past=past)
    moving = Moves(books, moves, moments, front=False)

    verdict, seen = _read(books)

    assert moving.standing <= seen
    assert verdict.quiet or any(moves)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.integers(0, 30),
    size=st.integers(2, 5),
    past=st.sampled_from(["empty", "404", "again"]),
    moments=st.sampled_from([1, 3, 1000]),
    moves=MOVES,
)
def test_no_standing_row_is_lost_behind_new_ones(
    rows: int, size: int, past: str, moments: int, moves: list[int]
) -> None:
    """In a list that grows at its front a scan that is complete lost no row that stood."""
    books = Books(_falling(rows), size=size, past=past)
    moving = Moves(books, moves, moments, front=True)

    verdict, seen = _read(books)

    assert not verdict.complete or moving.standing <= seen


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(7, 40),
    order=st.sampled_from([_rising, _falling]),
    at=st.integers(1, 20),
    came=st.integers(1, 3),
)
def test_one_change_does_no_harm(
    rows: int, order: Callable[[int], list[Row]], at: int, came: int
) -> None:
    """After a change at any one instant the scan is complete, and holds all that stood."""
    new = _numbered(*range(100, 100 + came))

    def change(books: Books) -> None:
        if len(books.asked) == at:
            del books.rows[len(books.rows) // 2]
            if order is _falling:
                books.rows[:0] = reversed(new)
            else:
                books.rows += new

    books = Books(order(rows), change=change)
    gone = books.rows[rows // 2][0]

    verdict, seen = _read(books)

    assert _ids(order(rows)) - {gone} <= seen
    assert verdict.complete


# From a server, into a spool.
