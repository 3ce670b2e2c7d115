"""What does a sandbox hold while it runs?"""

import pytest

from p4books_sandbox import Arrival, Options
from p4books_sandbox.app import Desk

ARRIVAL = Arrival("GET", "invoices", 1, None, 0.0)


def test_ahead_of_a_request() -> None:
    """What the test wants called is called with the request; without it nothing is."""
    desk = Desk(Options(), {})
    seen: list[Arrival] = []

    desk.ahead_of(ARRIVAL)
    desk.before_each = seen.append
    desk.ahead_of(ARRIVAL)

    assert seen == [ARRIVAL]


def test_trouble_is_kept() -> None:
    """What it raises is raised on, and kept for who looks later."""
    desk = Desk(Options(), {})
    desk.before_each = lambda _: 1 // 0

    with pytest.raises(ZeroDivisionError):
        desk.ahead_of(ARRIVAL)

    assert [type(error) for error in desk.trouble] == [ZeroDivisionError]
