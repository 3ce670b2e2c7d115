"""How often may a key ask?"""

from collections.abc import Callable

import pytest

from p4books_sandbox import Options
from p4books_sandbox.rate_limit import (
    Blocked,
    FixedWindow,
    Limit,
    SlidingWindow,
    TokenBucket,
    limit_of,
)


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


def _at(clock: Clock, window: Limit) -> Callable[[float], float]:
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


def test_a_window_of_the_clock(clock: Clock) -> None:
    """A fixed window ends with the minute of the clock, and all the next one is there at once."""
    ask = _at(clock, FixedWindow(2, 60, clock))  # the clock stands at 16 min 40 s

    assert [ask(0), ask(19), ask(19.5)] == [0, 0, 0.5]
    assert [ask(20), ask(21), ask(22)] == [0, 0, 58]


def test_a_bucket(clock: Clock) -> None:
    """A full bucket is emptied at once; then one request drips in at a time."""
    ask = _at(clock, TokenBucket(3, 60, clock))

    assert [ask(0), ask(0), ask(0)] == [0, 0, 0]
    assert ask(5) == pytest.approx(15)
    assert ask(20) == 0
    assert ask(20) == pytest.approx(20)
    assert [ask(500) for _ in range(3)] == [0, 0, 0]
    assert ask(500) > 0


@pytest.mark.parametrize("kind", [SlidingWindow, FixedWindow, TokenBucket])
def test_who_waits_as_told_gets_in(kind: type[Limit], clock: Clock) -> None:
    """Whatever the kind, the wait that is told is enough and asking meanwhile costs nothing."""
    limit = limit_of(Options(limit=7, window=3, limit_kind=_word(kind)), clock)

    for _ in range(200):
        wait = limit.wait_for("key")
        assert limit.wait_for("key") >= 0
        clock.now += wait
        assert not wait or limit.wait_for("key") == 0


def _word(kind: type[Limit]) -> str:
    return {SlidingWindow: "sliding", FixedWindow: "fixed", TokenBucket: "bucket"}[kind]


@pytest.mark.parametrize(
    ("kind", "rooms"),
    [
        (SlidingWindow, [(3, 0), (2, 60), (1, 50), (3, 0)]),
        (FixedWindow, [(3, 20), (2, 20), (1, 10), (3, 20)]),
        (TokenBucket, [(3, 0), (2, 20), (1, 30), (3, 0)]),
    ],
)
def test_room(kind: type[SlidingWindow], rooms: list[tuple[int, float]], clock: Clock) -> None:
    """What is left is told, with the seconds until there is more, and asking that is free."""
    window = kind(3, 60, clock)
    ask = _at(clock, window)

    told = [window.room("key")]
    for second in (0, 10):
        ask(second)
        window.room("key")
        told.append(window.room("key"))
    clock.now += 230
    told.append(window.room("key"))

    assert [room.left for room in told] == [left for left, _ in rooms]
    assert [room.resets_in for room in told] == pytest.approx([s for _, s in rooms], abs=1e-6)


def test_blocked(clock: Clock) -> None:
    """From a moment after the first request nobody gets in for a time; then all is as before."""
    ask = _at(clock, Blocked(SlidingWindow(100, 60, clock), 10, 300, clock))

    assert [ask(0), ask(9.5)] == [0, 0]
    assert [ask(10), ask(109), ask(309.5)] == [300, 201, 0.5]
    assert ask(310) == 0


def test_blocked_without_a_limit(clock: Clock) -> None:
    """A block needs no limit beneath it, and leaves no room while it lasts."""
    limit = limit_of(Options(limit=0, blocked_for=5), clock)

    assert [limit.room("key").left, limit.wait_for("key")] == [0, 5]
    assert limit.room("key") == (0, 5)


@pytest.mark.parametrize("kind", ["sliding", "fixed", "bucket"])
def test_another_program_on_the_key(kind: str, clock: Clock) -> None:
    """What another program spends is not there for us."""
    limit = limit_of(Options(limit=10, foreign=7, limit_kind=kind), clock)

    assert [limit.wait_for("key") > 0 for _ in range(4)] == [False, False, False, True]


def test_each_key_has_its_own(clock: Clock) -> None:
    """What one key asked does not count against another."""
    window = SlidingWindow(1, 60, clock)

    assert window.wait_for("one") == 0
    assert window.wait_for("one") > 0
    assert window.wait_for("two") == 0


@pytest.mark.parametrize("kind", [SlidingWindow, FixedWindow, TokenBucket])
def test_no_limit(kind: type[SlidingWindow], clock: Clock) -> None:
    """With limit 0 all requests pass."""
    window = kind(0, 60, clock)

    assert not any(window.wait_for("key") for _ in range(1000))
