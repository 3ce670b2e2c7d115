"""What is known of a list before it is read?"""

import pytest

from p4books.extract.page import Page
from p4books.extract.pagination import ListOrder, ListProfile, detect_order


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
def test_pages(order: ListOrder, total: int, pages: int, requests: int, tail: list[int]) -> None:
    """How long a list is, what it costs to read it whole, and where its new rows stand."""
    known = ListProfile(10, total, order)

    assert (known.pages, known.requests, known.tail) == (pages, requests, tail)


def _page(*numbers: int) -> Page:
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
def test_order_of(first: tuple[int, ...], last: tuple[int, ...], order: ListOrder) -> None:
    """The first and the last page tell how a list is ordered, as far as they can."""
    assert detect_order(_page(*first), _page(*last)) is order


def test_no_keys() -> None:
    """Rows that neither ids nor dates order are in none."""
    rows = Page(1, None, 1, {"a": b"{}"}, None)

    assert detect_order(rows, rows) is ListOrder.NONE
