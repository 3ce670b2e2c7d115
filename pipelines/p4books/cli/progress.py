"""Progress of a sync, and an estimate of the time left."""

import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pendulum
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from p4books.cli.runtime import log_progress
from p4books.extract.client import ApiConnection
from p4books.extract.rate_limiter import Limiter
from p4books.extract.reader import ProgressCallback
from p4books.settings import Settings

PACE_RESPONSES = 31  # the latest responses of a list from which its pace is estimated
SHORT_WAIT = 10.0  # seconds; less than that is not worth showing
QUIET_SECONDS = 30.0  # between two lines about one list


class TimeEstimate:
    """Estimates the seconds left until all lists, which are read in parallel, are read.

    Either the rate limit decides, for all lists together, or, if the server is slower than that,
    the list that takes longest. Lists that have not answered yet are not counted. At most
    `requests` are made (None: as many as needed). `clock` returns seconds.
    """

    def __init__(
        self,
        limiter: Limiter,
        clock: Callable[[], float] = time.monotonic,
        requests: int | None = None,
    ) -> None:
        self._limiter = limiter
        self._clock = clock
        self._requests = requests
        self._responses = 0
        self._pages_left: dict[str, int] = {}
        self._paces: dict[str, deque[float]] = {}  # seconds from one response to the next
        self._previous: dict[str, tuple[float, float]] = {}  # time, wait before the next request

    def update(self, endpoint: str, pages: int, announced: int) -> None:
        """Record a response: `pages` of the list are read, of the `announced` number."""
        now = self._clock()
        if endpoint in self._previous:
            before, wait = self._previous[endpoint]
            paces = self._paces.setdefault(endpoint, deque(maxlen=PACE_RESPONSES))
            paces.append(max(now - before - wait, 0.0))
        self._previous[endpoint] = now, self._limiter.seconds_for(1)
        self._responses += 1
        self._pages_left[endpoint] = max(announced - pages, 0)

    def seconds_left(self) -> float:
        """Estimate the seconds until every list seen so far is read."""
        pages = sum(self._pages_left.values())
        if self._requests is not None:
            pages = min(pages, max(self._requests - self._responses, 0))
        if not pages:
            return 0.0
        slowest = max(self._list_seconds(name, pages) for name in self._pages_left)
        return max(self._limiter.seconds_for(pages), slowest)

    def _list_seconds(self, endpoint: str, most: int) -> float:
        """Estimate one list from its pace without the waits for the rate limiter."""
        paces = self._paces.get(endpoint) or self._all_paces()
        return min(self._pages_left[endpoint], most) * statistics.median_low(paces)

    def _all_paces(self) -> list[float]:
        """Return those of all lists, for one with a single response."""
        return [pace for paces in self._paces.values() for pace in paces] or [0.0]


@contextmanager
def show_sync_progress(
    settings: Settings, requests: int | None = None
) -> Iterator[ProgressCallback]:
    """Show how far each list is read: bars on a terminal, otherwise a line from time to time.

    `requests` is the most that this run makes (None: as many as needed).
    """
    estimate = TimeEstimate(ApiConnection.from_settings(settings).limiter, requests=requests)
    if not sys.stderr.isatty():
        yield _print_lines(estimate)
        return
    bars = Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        _PagesColumn(),
        _TimeLeftColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        yield _update_bars(bars, estimate)


class _PagesColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show the pages and rows of a list so far."""
        if task.total is None:
            return Text("waiting")
        rows = task.fields["rows"]
        return Text(f"{int(task.completed):,} of {int(task.total):,} pages, {rows:,} rows")


class _TimeLeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Count down, even while the rate limit lets no request pass."""
        left = task.fields["ends_at"] - time.monotonic()
        return Text(_format_time_left(left).removeprefix(", "))


def _update_bars(bars: Progress, estimate: TimeEstimate) -> ProgressCallback:
    total = bars.add_task("all lists", total=None, rows=0, ends_at=0.0)
    tasks: dict[str, TaskID] = {}

    def update(endpoint: str, pages: int, announced: int, rows: int) -> None:
        if endpoint not in tasks:
            tasks[endpoint] = bars.add_task(endpoint, total=None, rows=0, ends_at=0.0)
        bars.update(tasks[endpoint], completed=pages, total=max(pages, announced), rows=rows)
        lists = [task for task in bars.tasks if task.id != total]
        estimate.update(endpoint, pages, announced)
        bars.update(
            total,
            completed=sum(int(task.completed) for task in lists),
            total=sum(int(task.total or 0) for task in lists),
            rows=sum(task.fields["rows"] for task in lists),
            ends_at=time.monotonic() + estimate.seconds_left(),
        )

    return update


def _print_lines(estimate: TimeEstimate) -> ProgressCallback:
    """Return a callback that prints at most two lines a minute per list, none in a short run."""
    printed_at: dict[str, float] = {}

    def update(endpoint: str, pages: int, announced: int, rows: int) -> None:
        now = time.monotonic()
        estimate.update(endpoint, pages, announced)
        if now - printed_at.setdefault(endpoint, now) >= QUIET_SECONDS:
            printed_at[endpoint] = now
            left = _format_time_left(estimate.seconds_left())
            log_progress(f"{endpoint}: {pages:,} of about {announced:,} pages, {rows:,} rows{left}")

    return update


def _format_time_left(seconds: float) -> str:
    """Format the time left as the end of a sentence; empty if it is not worth mentioning."""
    if seconds < SHORT_WAIT:
        return ""
    whole = round(seconds, -1) if seconds < 600 else round(seconds / 60) * 60
    return f", about {pendulum.duration(seconds=whole).in_words()} left"
