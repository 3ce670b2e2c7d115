"""How long will it still take?"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from p4books.cli.progress import TimeEstimate
from p4books.extract.rate_limiter import RateLimiter


@dataclass
class Clock:
    """A clock that goes on when somebody sleeps or waits for an answer."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.mark.parametrize(
    ("limit", "answer", "pages"),
    [
        (90, 0.02, (400, 60, 3)),  # the limit rules
        (90, 0.02, (2000,)),
        (90, 2.0, (300, 300)),  # the server rules: two lists, one request at a time
        (90, 0.7, (500, 20)),  # now the one, now the other
        (1000, 0.1, (200, 10)),  # no limit to speak of
    ],
)
def test_within_a_tenth(tmp_path: Path, limit: int, answer: float, pages: tuple[int, ...]) -> None:
    """From the first minute on, what is told to be left is right within a tenth."""
    clock = Clock()
    slots = RateLimiter(tmp_path / "slots.sqlite", limit, 60.0, clock=clock, sleep=clock.sleep)
    pace = TimeEstimate(slots, clock)
    told: list[tuple[float, float]] = []
    read = dict.fromkeys(range(len(pages)), 0)

    while going := [name for name in read if read[name] < pages[name]]:
        took = clock.now
        for name in going:  # side by side: they leave together, and come back together
            slots.release(slots.acquire())
            read[name] += 1
        clock.sleep(max(0.0, answer - (clock.now - took)))
        for name in going:
            pace.told(str(name), read[name], pages[name])
        told.append((clock.now, pace.left()))

    began, end = told[0][0], told[-1][0]
    assert end - began > 15
    late = [at for at, _ in told if at - began >= 0.1 * (end - began)]
    wrong = [
        (at - began, left, end - at)
        for at, left in told
        if at in late and abs(left - (end - at)) > 0.1 * (end - began)
    ]
    assert wrong == []


def test_within_a_budget(tmp_path: Path) -> None:
    """A run that ends before its lists do has no more left than its requests take."""
    clock = Clock()
    slots = RateLimiter(tmp_path / "slots.sqlite", 10, 60.0, clock=clock, sleep=clock.sleep)
    pace = TimeEstimate(slots, clock, requests=15)
    for page in range(1, 11):
        slots.release(slots.acquire())
        pace.told("invoices", page, 500)

    assert pace.left() == pytest.approx(60)


def test_nothing_told(tmp_path: Path) -> None:
    """Before anything is told nothing is left, and after all of it neither."""
    pace = TimeEstimate(RateLimiter(tmp_path / "slots.sqlite", 90, 60.0))
    before = pace.left()

    pace.told("invoices", 3, 3)

    assert (before, pace.left()) == (0.0, 0.0)
