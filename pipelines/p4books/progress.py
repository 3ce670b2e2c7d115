"""How far is a sync, while it goes on?"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pendulum
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from p4books.api.client import throttle_of
from p4books.api.lists import Progress as Told
from p4books.api.pace import Pace
from p4books.eventlog import tell
from p4books.settings import Settings

FEW = 10.0  # seconds that are not worth a word
QUIET = 30.0  # seconds between two lines about one list


@contextmanager
def progress(settings: Settings, requests: int | None = None) -> Iterator[Told]:
    """Show how far each list is read: bars on a terminal, else a plain line now and then.

    `requests` is how many this run makes at most (None: as many as it takes).
    """
    pace = Pace(throttle_of(settings), requests=requests)
    if not sys.stderr.isatty():
        yield _lines(pace)
        return
    bars = Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        _Pages(),
        _Left(),
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


class _Pages(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Say the pages and rows of one list so far."""
        if task.total is None:
            return Text("is asked")
        rows = task.fields["rows"]
        return Text(f"{int(task.completed):,} of {int(task.total):,} pages, {rows:,} rows")


class _Left(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Count down, also while nothing comes because the limit is spent."""
        return Text(_left(task.fields["ends_at"] - time.monotonic()).removeprefix(", "))


def _lines(pace: Pace) -> Told:
    """Tell of each list twice a minute at the most: a quick run says nothing."""
    last: dict[str, float] = {}

    def told(endpoint: str, pages: int, announced: int, rows: int) -> None:
        now = time.monotonic()
        pace.told(endpoint, pages, announced)
        if now - last.setdefault(endpoint, now) >= QUIET:
            last[endpoint] = now
            left = _left(pace.left())
            tell(f"{endpoint}: {pages:,} of about {announced:,} pages, {rows:,} rows{left}")

    return told


def _left(seconds: float) -> str:
    """Say how long all of it still takes; a few seconds are not worth a word."""
    if seconds < FEW:
        return ""
    whole = round(seconds, -1) if seconds < 600 else round(seconds / 60) * 60
    return f", about {pendulum.duration(seconds=whole).in_words()} left"
