"""Progress of a sync and the time it still takes."""

import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pendulum
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from p4books.cli.runtime import log_progress
from p4books.extract.client import ApiConnection
from p4books.extract.rate_limiter import RateLimiter
from p4books.extract.reader import ProgressCallback
from p4books.settings import Settings

LAST = 31  # answers of a list by which its pace is told


class TimeEstimate:
    """Estimates the seconds left of reading lists side by side.

    The limit rules, for all lists together; where the server is slower than that, the list that
    takes longest. No more is read than `requests` (None: all). `clock` gives seconds.
    """

    def __init__(
        self,
        slots: RateLimiter,
        clock: Callable[[], float] = time.monotonic,
        requests: int | None = None,
    ) -> None:
        self._slots = slots
        self._clock = clock
        self._requests = requests
        self._told = 0
        self._ahead: dict[str, int] = {}
        self._answered: dict[str, deque[float]] = {}

    def told(self, endpoint: str, pages: int, announced: int) -> None:
        """Note that a list was read so far: so many pages, of so many."""
        self._told += 1
        self._ahead[endpoint] = max(announced - pages, 0)
        self._answered.setdefault(endpoint, deque(maxlen=LAST)).append(self._clock())

    def left(self) -> float:
        """Return the seconds until all that was told of is read."""
        ahead = sum(self._ahead.values())
        if self._requests is not None:
            ahead = min(ahead, max(self._requests - self._told, 0))
        slowest = max((self._seconds(name, ahead) for name in self._ahead), default=0.0)
        return max(self._slots.seconds_for(ahead), slowest)

    def _seconds(self, endpoint: str, most: int) -> float:
        """Return how long one list takes at its own pace; waits under the limit are no pace."""
        gaps = [later - before for before, later in pairwise(self._answered[endpoint])]
        return min(self._ahead[endpoint], most) * statistics.median(gaps) if gaps else 0.0


FEW = 10.0  # seconds that are not worth a word
QUIET = 30.0  # seconds between two lines about one list


@contextmanager
def show_sync_progress(
    settings: Settings, requests: int | None = None
) -> Iterator[ProgressCallback]:
    """Show how far each list is read: bars on a terminal, else a plain line now and then.

    `requests` is how many this run makes at most (None: as many as it takes).
    """
    pace = TimeEstimate(ApiConnection.from_settings(settings).limiter, requests=requests)
    if not sys.stderr.isatty():
        yield _print_lines(pace)
        return
    bars = Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        _PagesColumn(),
        _TimeLeftColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    whole = bars.add_task("all lists", total=None, rows=0, ends_at=0.0)
    tasks: dict[str, Any] = {}

    def told(endpoint: str, pages: int, announced: int, rows: int) -> None:
        if endpoint not in tasks:
            tasks[endpoint] = bars.add_task(endpoint, total=None, rows=0, ends_at=0.0)
        bars.update(tasks[endpoint], completed=pages, total=max(pages, announced), rows=rows)
        lists = [task for task in bars.tasks if task.id != whole]
        pace.told(endpoint, pages, announced)
        bars.update(
            whole,
            completed=sum(int(task.completed) for task in lists),
            total=sum(int(task.total or 0) for task in lists),
            rows=sum(task.fields["rows"] for task in lists),
            ends_at=time.monotonic() + pace.left(),
        )

    with bars:
        yield told


class _PagesColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Say the pages and rows of one list so far."""
        if task.total is None:
            return Text("is asked")
        rows = task.fields["rows"]
        return Text(f"{int(task.completed):,} of {int(task.total):,} pages, {rows:,} rows")


class _TimeLeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Count down, also while nothing comes because the limit is spent."""
        return Text(_time_left(task.fields["ends_at"] - time.monotonic()).removeprefix(", "))


def _print_lines(pace: TimeEstimate) -> ProgressCallback:
    """Tell of each list twice a minute at the most: a quick run says nothing."""
    last: dict[str, float] = {}

    def told(endpoint: str, pages: int, announced: int, rows: int) -> None:
        now = time.monotonic()
        pace.told(endpoint, pages, announced)
        if now - last.setdefault(endpoint, now) >= QUIET:
            last[endpoint] = now
            left = _time_left(pace.left())
            log_progress(f"{endpoint}: {pages:,} of about {announced:,} pages, {rows:,} rows{left}")

    return told


def _time_left(seconds: float) -> str:
    """Say how long all of it still takes; a few seconds are not worth a word."""
    if seconds < FEW:
        return ""
    whole = round(seconds, -1) if seconds < 600 else round(seconds / 60) * 60
    return f", about {pendulum.duration(seconds=whole).in_words()} left"
