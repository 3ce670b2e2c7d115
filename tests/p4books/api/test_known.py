"""What is known of a list before it is read?"""

import pytest

from p4books.api.answer import Answer
from p4books.api.known import Known, Order, order_of


@pytest.mark.parametrize(
    ("order", "total", "pages", "requests", "tail"),
    [
        (Order.OLDEST_FIRST, 0, 1, 1, [1]),
        (Order.OLDEST_FIRST, 10, 1, 1, [1]),
        (Order.OLDEST_FIRST, 11, 2, 3, [2, 1]),
        (Order.OLDEST_FIRST, 95, 10, 11, [10, 9]),
        (Order.NEWEST_FIRST, 95, 10, 12, [1, 2]),
        (Order.NEWEST_FIRST, 10, 1, 1, [1]),
        (Order.NONE, 95, 10, 21, [1, 2]),
    ],
)
def test_pages(order: Order, total: int, pages: int, requests: int, tail: list[int]) -> None:
    """How long a list is, what it costs to read it whole, and where its new rows stand."""
    known = Known(10, total, order)

    assert (known.pages, known.requests, known.tail()) == (pages, requests, tail)


def _page(*numbers: int) -> Answer:
    keys = tuple((0, str(number)) for number in numbers)
    return Answer(1, None, len(numbers), {str(n): b"{}" for n in numbers}, keys)


@pytest.mark.parametrize(
    ("first", "last", "order"),
    [
        ((1, 2), (3, 4), Order.OLDEST_FIRST),
        ((1, 1), (1, 2), Order.OLDEST_FIRST),
        ((4, 3), (2, 1), Order.NEWEST_FIRST),
        ((1, 2), (4, 3), Order.NONE),
        ((3, 4), (1, 2), Order.NONE),
        ((1, 1), (1, 1), Order.NONE),
        ((1, 2), (), Order.NONE),
        ((), (), Order.NONE),
    ],
)
def test_order_of(first: tuple[int, ...], last: tuple[int, ...], order: Order) -> None:
    """The first and the last page tell how a list is ordered, as far as they can."""
    assert order_of(_page(*first), _page(*last)) is order


def test_no_keys() -> None:
    """Rows that neither ids nor dates order are in none."""
    rows = Answer(1, None, 1, {"a": b"{}"}, None)

    assert order_of(rows, rows) is Order.NONE
