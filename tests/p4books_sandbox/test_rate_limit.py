"""Rate limits, on a clock that the test sets."""

from collections.abc import Callable

import pytest

from p4books_sandbox import Options
from p4books_sandbox.rate_limit import (
    FixedWindow,
    RequestLimit,
    SlidingWindow,
    TemporaryBlock,
    TokenBucket,
    make_limit,
)


class Clock:
    """A clock that only moves when it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


KINDS: dict[str, Callable[[int, float, Clock], RequestLimit]] = {
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
    "bucket": TokenBucket,
}


@pytest.fixture
def clock() -> Clock:
    """A clock at 1000 seconds."""
    return Clock()


def _acquire_at(clock: Clock, limit: RequestLimit) -> Callable[[float], float]:
    def acquire(second: float) -> float:
        clock.now = 1000.0 + second
        return limit.acquire("key")

    return acquire


def test_requests_up_to_the_limit(clock: Clock) -> None:
    """The limit's number of requests is allowed; the next waits until the first is a window old."""
    acquire = _acquire_at(clock, SlidingWindow(3, 60, clock))

    assert [acquire(0), acquire(10), acquire(20), acquire(25)] == [0, 0, 0, 35]


def test_sliding_window(clock: Clock) -> None:
    """A request counts for a window from its arrival, not until a minute of the clock ends."""
    acquire = _acquire_at(clock, SlidingWindow(2, 60, clock))
    acquire(0)
    acquire(59)

    assert acquire(59.5) == 0.5
    assert acquire(60) == 0
    assert acquire(61) == 58


def test_refused_requests_are_not_counted(clock: Clock) -> None:
    """Requests while refused do not postpone the end of the wait."""
    acquire = _acquire_at(clock, SlidingWindow(1, 60, clock))
    acquire(0)

    assert [acquire(second) for second in (1, 30, 59)] == [59, 30, 1]
    assert acquire(60) == 0


def test_fixed_window(clock: Clock) -> None:
    """A fixed window ends with the minute of the clock; the next allows all requests at once."""
    acquire = _acquire_at(clock, FixedWindow(2, 60, clock))  # the clock shows 16 min 40 s

    assert [acquire(0), acquire(19), acquire(19.5)] == [0, 0, 0.5]
    assert [acquire(20), acquire(21), acquire(22)] == [0, 0, 58]


def test_token_bucket(clock: Clock) -> None:
    """A full bucket can be emptied at once; then one request at a time becomes available."""
    acquire = _acquire_at(clock, TokenBucket(3, 60, clock))

    assert [acquire(0), acquire(0), acquire(0)] == [0, 0, 0]
    assert acquire(5) == pytest.approx(15)
    assert acquire(20) == 0
    assert acquire(20) == pytest.approx(20)
    assert [acquire(500) for _ in range(3)] == [0, 0, 0]
    assert acquire(500) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_wait_is_long_enough(kind: str, clock: Clock) -> None:
    """For each kind the announced wait suffices, and asking meanwhile costs nothing."""
    limit = make_limit(Options(limit=7, window=3, limit_kind=kind), clock)

    for _ in range(200):
        wait = limit.acquire("key")
        assert limit.acquire("key") >= 0
        clock.now += wait
        assert not wait or limit.acquire("key") == 0


@pytest.mark.parametrize(
    ("kind", "allowances"),
    [
        ("sliding", [(3, 0), (2, 60), (1, 50), (3, 0)]),
        ("fixed", [(3, 20), (2, 20), (1, 10), (3, 20)]),
        ("bucket", [(3, 0), (2, 20), (1, 30), (3, 0)]),
    ],
)
def test_peek(kind: str, allowances: list[tuple[int, float]], clock: Clock) -> None:
    """The remaining requests and the seconds until there are more are returned, at no cost."""
    limit = KINDS[kind](3, 60, clock)
    acquire = _acquire_at(clock, limit)

    peeked = [limit.peek("key")]
    for second in (0, 10):
        acquire(second)
        limit.peek("key")
        peeked.append(limit.peek("key"))
    clock.now += 230
    peeked.append(limit.peek("key"))

    assert [each.remaining for each in peeked] == [remaining for remaining, _ in allowances]
    assert [each.resets_in for each in peeked] == pytest.approx(
        [seconds for _, seconds in allowances], abs=1e-6
    )


def test_temporary_block(clock: Clock) -> None:
    """From a moment after the first request all are refused for a time; then all is as before."""
    acquire = _acquire_at(clock, TemporaryBlock(SlidingWindow(100, 60, clock), 10, 300, clock))

    assert [acquire(0), acquire(9.5)] == [0, 0]
    assert [acquire(10), acquire(109), acquire(309.5)] == [300, 201, 0.5]
    assert acquire(310) == 0


def test_temporary_block_without_a_limit(clock: Clock) -> None:
    """A block needs no limit below it, and leaves nothing while it lasts."""
    limit = make_limit(Options(limit=0, blocked_for=5), clock)

    assert [limit.peek("key").remaining, limit.acquire("key")] == [0, 5]
    assert limit.peek("key") == (0, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_another_program_with_the_same_key(kind: str, clock: Clock) -> None:
    """Requests of another program are subtracted from the limit."""
    limit = make_limit(Options(limit=10, foreign=7, limit_kind=kind), clock)

    assert [limit.acquire("key") > 0 for _ in range(4)] == [False, False, False, True]


def test_each_key_has_its_own_limit(clock: Clock) -> None:
    """Requests with one key do not count against another."""
    limit = SlidingWindow(1, 60, clock)

    assert limit.acquire("one") == 0
    assert limit.acquire("one") > 0
    assert limit.acquire("two") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_limit(kind: str, clock: Clock) -> None:
    """With limit 0 all requests are allowed."""
    limit = KINDS[kind](0, 60, clock)

    assert not any(limit.acquire("key") for _ in range(1000))
