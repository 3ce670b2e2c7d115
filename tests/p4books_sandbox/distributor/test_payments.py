"""When do customers pay?"""

from itertools import cycle

import pytest

from p4books_sandbox.options import chance
from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.documents import Settled, settle


def _luck(*numbers: float) -> "cycle[float]":
    return cycle(numbers)


@pytest.mark.parametrize(
    ("day", "due", "luck", "settled"),
    [
        (100, 130, (0.5,), Settled("Paid", 1000, 132)),
        (100, 100, (0.0,), Settled("Paid", 1000, 100)),
        (100, 130, (0.99, 0.9), Settled("Posted", 0, 100)),
        (100, 130, (0.99, 0.1), Settled("PartiallyPaid", 300, 130)),
        (1090, 1120, (0.5, 0.9), Settled("Posted", 0, 1090)),
        (1090, 1120, (0.5, 0.1), Settled("PartiallyPaid", 300, vocabulary.LAST)),
    ],
)
def test_settle(day: int, due: int, luck: tuple[float, ...], settled: Settled) -> None:
    """Luck decides whether an invoice of 10.00 is paid on the last day, when, and how much."""
    assert settle(day, due, 1000, _luck(*luck).__next__) == settled


def test_a_part_is_a_part() -> None:
    """Who paid a part paid more than nothing and less than all, however small the total."""
    draw = chance(7, "payments")
    for total in (2, 5, 9, 10, 11, 12_345):
        for _ in range(300):
            settled = settle(1090, 1150, total, draw)
            assert (settled.status == "PartiallyPaid") is (0 < settled.paid < total)


def test_nothing_happens_after_the_last_day() -> None:
    """No payment is dated after the books end, nor before its invoice."""
    draw = chance(7, "payments")
    for day in range(0, vocabulary.LAST + 1, 5):
        assert day <= settle(day, day + 30, 1000, draw).on <= vocabulary.LAST
