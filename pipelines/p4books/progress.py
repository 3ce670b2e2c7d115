"""How far is a sync, while it goes on?"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pendulum
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from p4books.api.client import throttle_of
from p4books.api.lists import Progress as Told
from p4books.api.pace import Pace
from p4books.settings import Settings

FEW = 10.0  # seconds that are not worth a word
QUIET = 30.0  # seconds between two lines about one list


@contextmanager
def progress(settings: Settings) -> Iterator[Told]:
    """Show how far each list is read: bars on a terminal, else a plain line now and then."""
    if not sys.stderr.isatty():
        yield _lines(Pace(throttle_of(settings)))
        return
    bars = Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pages, {task.fields[rows]:,} rows{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
    )
    pace = Pace(throttle_of(settings))
    whole = bars.add_task("all lists", rows=0, left="")
    tasks: dict[str, Any] = {}

    def told(endpoint: str, pages: int, announced: int, rows: int) -> None:
        if endpoint not in tasks:
            tasks[endpoint] = bars.add_task(endpoint, rows=0, left="")
        bars.update(tasks[endpoint], completed=pages, total=max(pages, announced), rows=rows)
        lists = [task for task in bars.tasks if task.id != whole]
        done = sum(int(task.completed) for task in lists)
        total = sum(int(task.total or 0) for task in lists)
        rows = sum(task.fields["rows"] for task in lists)
        pace.told(endpoint, pages, announced)
        left = _left(pace.left())
        bars.update(whole, completed=done, total=total, rows=rows, left=left)

    with bars:
        yield told


def _lines(pace: Pace) -> Told:
    """Tell of each list twice a minute at the most: a quick run says nothing."""
    last: dict[str, float] = {}

    def told(endpoint: str, pages: int, announced: int, rows: int) -> None:
        now = time.monotonic()
        pace.told(endpoint, pages, announced)
        if now - last.setdefault(endpoint, now) >= QUIET:
            last[endpoint] = now
            left = _left(pace.left())
            sys.stderr.write(
                f"{endpoint}: {pages:,} of about {announced:,} pages, {rows:,} rows{left}\n"
            )

    return told


def _left(seconds: float) -> str:
    """Say how long all of it still takes; a few seconds are not worth a word."""
    if seconds < FEW:
        return ""
    whole = round(seconds, -1) if seconds < 600 else round(seconds / 60) * 60
    return f", about {pendulum.duration(seconds=whole).in_words()} left"
