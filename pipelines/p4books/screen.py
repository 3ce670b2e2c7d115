"""How does a result look, to a person or to a program?"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pendulum
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from p4books.api.client import throttle_of
from p4books.api.lists import Progress as Told
from p4books.api.pace import Pace
from p4books.settings import Settings
from p4books.sync import Summary

FEW = 10.0  # seconds that are not worth a word
QUIET = 30.0  # seconds between two lines about one list
WIDE = 10_000  # columns, where nobody looks: a table in a log is never folded

_JSON = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def console() -> Console:
    """Make the console of standard output: as wide as a terminal, or as its lines are."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)


def as_json(value: object) -> None:
    """Print a value as one JSON document; amounts are numbers with all their digits."""
    sys.stdout.write(msgspec.json.format(_JSON.encode(value), indent=2).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print rows under their names; numbers stand on the right, nothing is cut off."""
    rows = [tuple(row) for row in rows]
    shown = Table(box=None, pad_edge=False)
    for place, name in enumerate(columns):
        numbers = any(_is_number(row[place]) for row in rows)
        shown.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_cell(value)) for value in row))
    out = console()
    if title:
        out.print(title, style="bold")
    out.print(shown)


def summary(done: Summary, settings: Settings) -> None:
    """Print what a sync did."""
    table(
        ("endpoint", "rows", "new", "changed", "gone"),
        ((r.endpoint, r.seen, r.new, r.changed, r.gone) for r in done.readings),
    )
    if done.published:
        said = f"Published {shown(settings.published)}."
    elif done.readings and not done.faults:
        said = f"Nothing changed; {shown(settings.published)} stands."
    else:
        said = "Nothing was published."
    waited = (
        f"; the lists waited {done.waited:.0f} s under the limit, added up"
        if done.waited >= 1
        else ""
    )
    refused = f", {done.refused} refused" if done.refused else ""
    console().print(f"{said} {done.requests} requests{refused} in {done.seconds:.1f} s{waited}.")


def summary_json(done: Summary, settings: Settings) -> None:
    """Print what a sync did, for a program."""
    as_json(
        {
            **vars(done),
            "readings": [vars(reading) for reading in done.readings],
            "faults": [{"kind": type(f).__name__, "sentence": str(f)} for f in done.faults],
            "file": str(settings.published),
        }
    )


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


def shown(path: Path) -> Path:
    """Shorten a path below the current folder, as a person would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def when(instant: datetime | None, settings: Settings) -> str:
    """Say an instant in the tenant's time zone."""
    if instant is None:
        return "never"
    return pendulum.instance(instant).in_timezone(settings.timezone).format("YYYY-MM-DD HH:mm:ss")


def ago(instant: datetime) -> str:
    """Say how long ago an instant was."""
    return pendulum.instance(instant).diff_for_humans()


def _left(seconds: float) -> str:
    """Say how long all of it still takes; a few seconds are not worth a word."""
    if seconds < FEW:
        return ""
    whole = round(seconds, -1) if seconds < 600 else round(seconds / 60) * 60
    return f", about {pendulum.duration(seconds=whole).in_words()} left"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
