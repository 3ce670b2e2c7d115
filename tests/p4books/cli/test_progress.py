"""Tests of the estimated time left."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from p4books.cli.progress import TimeEstimate
from p4books.extract.rate_limiter import RateLimiter


@dataclass
class Clock:
    """A clock that advances only when someone sleeps or waits for a response."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the time."""
        self.now += seconds


class Wait(Exception):
    """Raised instead of sleeping, so that the other lists go on meanwhile."""


def wait_for(seconds: float) -> None:
    raise Wait(seconds)


Estimates = list[tuple[float, float, int]]  # when, seconds left, lists with a second page


def read_in_parallel(
    limiter: RateLimiter,
    estimate: TimeEstimate,
    clock: Clock,
    lists: Sequence[tuple[int, float]],
    first: int,
) -> Estimates:
    """Read lists of so many pages and seconds a response; return the estimates.

    The `first` ones begin together after the first response, the others when these are read.
    """
    read = [0] * len(lists)
    estimates: Estimates = []
    events: list[tuple[float, int, int | None]] = [(clock.now, 0, None)]  # when, list, slot
    while events:
        clock.now, name, slot = heapq.heappop(events)
        pages, latency = lists[name]
        if slot is None:
            try:
                slot = limiter.acquire()
                heapq.heappush(events, (clock.now + latency, name, slot))
            except Wait as wait:
                heapq.heappush(events, (clock.now + wait.args[0], name, None))
            continue
        limiter.release(slot)
        read[name] += 1
        estimate.update(str(name), read[name], pages)
        known = sum(done >= min(2, of) for done, (of, _) in zip(read, lists, strict=True))
        estimates.append((clock.now, estimate.seconds_left(), known))
        if sum(read) == 1:
            begin = range(1, first)
        elif read[:first] == [pages for pages, _ in lists[:first]] and name < first:
            begin = range(first, len(lists))
        else:
            begin = range(0)
        for other in begin:
            heapq.heappush(events, (clock.now, other, None))
        if read[name] < pages:
            heapq.heappush(events, (clock.now, name, None))
    return estimates


@pytest.mark.parametrize("used", [0, 40, 90], ids=["unused", "40 used", "exhausted"])
@pytest.mark.parametrize("small", [True, False], ids=["small first", "together"])
@pytest.mark.parametrize(
    "lists",
    [
        [(400, 0.02), (60, 0.02), (3, 0.02)],  # the rate limit decides
        [(2000, 0.02), (1, 0.02)],
        [(89, 0.3), (120, 0.3)],  # the limit is reached after the first page of the second
        [(300, 2.0), (300, 2.0)],  # the server decides
        [(500, 0.7), (20, 0.7)],  # first the one, then the other
        [(1, 0.3), (2, 0.3), (3, 0.3), (80, 0.4), (25, 0.3), (9, 0.3)],  # small lists first
        [(3, 0.3), (2, 0.3), (1, 0.3), (20, 0.3), (4, 0.3), (12, 0.3)],
        [(20, 1.5), (20, 1.5), (20, 1.5), (20, 1.5), (20, 1.5), (300, 1.5)],  # limit, then server
        [(10, 0.2), (10, 0.2), (40, 5.0)],  # one list of slow pages
    ],
    ids=str,
)
def test_within_a_fifth(
    tmp_path: Path, lists: list[tuple[int, float]], used: int, small: bool
) -> None:
    """Once each list has its second page, the estimate is right within a fifth, or 5 s."""
    clock = Clock()
    limiter = RateLimiter(tmp_path / "limit.sqlite", 90, 60.0, clock=clock, sleep=wait_for)
    for _ in range(used):  # by an earlier run, which ended 10 s ago
        limiter.release(limiter.acquire())
    clock.now += 10

    lists = sorted(lists) if small else lists
    first = len(lists) - 1 if small else len(lists)

    estimates = read_in_parallel(limiter, TimeEstimate(limiter, clock), clock, lists, first)

    end = estimates[-1][0]
    wrong = [
        (round(at, 1), round(left, 1), round(end - at, 1))
        for at, left, known in estimates
        if known == len(lists) and abs(left - (end - at)) > max(0.2 * (end - at), 5)
    ]
    assert (wrong[:3], len(wrong)) == ([], 0)


def test_within_a_budget(tmp_path: Path) -> None:
    """A run with a request budget has no more time left than its requests take."""
    clock = Clock()
    limiter = RateLimiter(tmp_path / "limit.sqlite", 10, 60.0, clock=clock, sleep=clock.sleep)
    estimate = TimeEstimate(limiter, clock, requests=15)
    for page in range(1, 11):
        limiter.release(limiter.acquire())
        estimate.update("invoices", page, 500)

    assert estimate.seconds_left() == pytest.approx(60)


def test_nothing_left(tmp_path: Path) -> None:
    """Nothing is left before the first response, and after the last."""
    estimate = TimeEstimate(RateLimiter(tmp_path / "limit.sqlite", 90, 60.0))
    before = estimate.seconds_left()

    estimate.update("invoices", 3, 3)

    assert (before, estimate.seconds_left()) == (0.0, 0.0)
