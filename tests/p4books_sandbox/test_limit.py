"""How often may a key ask?"""

from collections.abc import Callable

import pytest

from p4books_sandbox.limit import SlidingWindow


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock held by the test."""
    return Clock()


def _at(clock: Clock, window: SlidingWindow) -> Callable[[float], float]:
    def ask(second: float) -> float:
        clock.now = 1000.0 + second
        return window.wait_for("key")

    return ask


def test_as_many_as_allowed(clock: Clock) -> None:
    """The limit's number of requests pass, the next waits until the first is a window old."""
    ask = _at(clock, SlidingWindow(3, 60, clock))

    assert [ask(0), ask(10), ask(20), ask(25)] == [0, 0, 0, 35]


def test_the_window_slides(clock: Clock) -> None:
    """A request is forgotten a window after it came, not when a minute of the clock ends."""
    ask = _at(clock, SlidingWindow(2, 60, clock))
    ask(0)
    ask(59)

    assert ask(59.5) == 0.5
    assert ask(60) == 0
    assert ask(61) == 58


def test_refused_requests_cost_nothing(clock: Clock) -> None:
    """Asking on while refused does not push the end of the wait away."""
    ask = _at(clock, SlidingWindow(1, 60, clock))
    ask(0)

    assert [ask(second) for second in (1, 30, 59)] == [59, 30, 1]
    assert ask(60) == 0


def test_each_key_has_its_own(clock: Clock) -> None:
    """What one key asked does not count against another."""
    window = SlidingWindow(1, 60, clock)

    assert window.wait_for("one") == 0
    assert window.wait_for("one") > 0
    assert window.wait_for("two") == 0


def test_no_limit(clock: Clock) -> None:
    """With limit 0 all requests pass."""
    window = SlidingWindow(0, 60, clock)

    assert not any(window.wait_for("key") for _ in range(1000))
