"""Tests of the estimated time left."""

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


@pytest.mark.parametrize(
    ("limit", "latency", "pages"),
    [
        (90, 0.02, (400, 60, 3)),  # the rate limit decides
        (90, 0.02, (2000,)),
        (90, 2.0, (300, 300)),  # the server decides: two lists, one request at a time
        (90, 0.7, (500, 20)),  # first the one, then the other
        (1000, 0.1, (200, 10)),  # practically no limit
    ],
)
def test_within_a_tenth(tmp_path: Path, limit: int, latency: float, pages: tuple[int, ...]) -> None:
    """After a tenth of the time the estimate is right within a tenth of the whole."""
    clock = Clock()
    limiter = RateLimiter(tmp_path / "limit.sqlite", limit, 60.0, clock=clock, sleep=clock.sleep)
    estimate = TimeEstimate(limiter, clock)
    estimates: list[tuple[float, float]] = []
    read = dict.fromkeys(range(len(pages)), 0)

    while unread := [name for name in read if read[name] < pages[name]]:
        sent_at = clock.now
        for name in unread:  # in parallel: they leave together and come back together
            limiter.release(limiter.acquire())
            read[name] += 1
        clock.sleep(max(0.0, latency - (clock.now - sent_at)))
        for name in unread:
            estimate.update(str(name), read[name], pages[name])
        estimates.append((clock.now, estimate.seconds_left()))

    began, end = estimates[0][0], estimates[-1][0]
    assert end - began > 15
    late = [at for at, _ in estimates if at - began >= 0.1 * (end - began)]
    wrong = [
        (at - began, left, end - at)
        for at, left in estimates
        if at in late and abs(left - (end - at)) > 0.1 * (end - began)
    ]
    assert wrong == []


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
