"""What is known of a list before it is read?"""

import pytest

from p4books.api.known import Known, Order


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
