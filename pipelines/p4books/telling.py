"""How is a push told?"""

import csv
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from p4books import screen
from p4books.endpoint import Endpoint, Fields
from p4books.eventlog import tell
from p4books.push import needs
from p4books.push.entry import Entry, Push
from p4books.push.report import Report
from p4books.push.run import Progress as Told
from p4books.settings import Settings

QUIET = 30.0  # seconds between two lines about a long push
SHOWN = 20  # faults on a screen; a file holds them all

ROW = ("row", "code", "state", "push", "id", "given_code", "status", "answer", "differs", "note")
TIMES = ("ready_at", "sent_at", "answered_at", "sought_at")
COUNTS = ("rows", "created", "already", "refused", "unknown", "ready", "bad")


@contextmanager
def progress() -> Iterator[Told]:
    """Show how many records were sent: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=whole)
            bar.update(tasks[what], completed=done, total=whole)

        yield told


def _lines() -> Told:
    """Tell twice a minute at the most how many were sent, and at once that a list is read."""
    last = time.monotonic()

    def told(what: str, done: int, whole: int) -> None:
        nonlocal last
        if what == "seeking":
            tell(f"Reading the list to find {whole:,} whose answer was lost.")
        elif time.monotonic() - last >= QUIET:
            last = time.monotonic()
            tell(f"{done:,} of {whole:,} sent")

    return told


def report(done: Report, settings: Settings) -> None:
    """Print what is wrong with rows, and what became of all in one line."""
    if done.faults:
        screen.table(
            ("row", "column", "value", "what is wrong", "what to do"),
            (
                (each.row or "", each.column, each.value, each.what, each.remedy)
                for each in done.faults[:SHOWN]
            ),
        )
    if len(done.faults) > SHOWN:
        _print(f"and {len(done.faults) - SHOWN:,} more; --faults FILE writes them all.")
    _print(_sentence(done))
    if done.push is None and done.books_as_of:
        at = screen.when(done.books_as_of, settings)
        _print(f"Checked against the books of {at} ({settings.timezone}).")


def report_json(done: Report) -> None:
    """Print the same for a program."""
    screen.as_json({**vars(done), "errors": [str(each) for each in done.errors]})


def _sentence(done: Report) -> str:
    named = {
        "created": done.created,
        "created by an earlier push": done.earlier,
        "refused by an earlier push": done.earlier_refused,
        "refused": done.refused,
        "unknown": done.unknown,
        "ready": done.ready,
        "bad": done.bad,
    }
    told = ", ".join(f"{count:,} {name}" for name, count in named.items() if count) or "none"
    rows = f"of {done.rows:,} record{'' if done.rows == 1 else 's'} {told}"
    if done.push is None:
        return f"{done.endpoint}: {rows}; nothing was sent."
    cost = f"{done.requests:,} requests in {done.seconds:,.1f} s"
    return f"Push {done.push}, {done.endpoint}: {rows}; {cost}."


def fields(endpoint: Endpoint) -> None:
    """Print which columns a file may have, what each holds, and which it must have."""
    places: list[tuple[str | None, Fields]] = [(None, endpoint.fields), *endpoint.inner.items()]
    screen.table(
        ("field", "of", "holds", "needed"),
        (
            (
                name,
                inner,
                kind.name.lower(),
                "yes" if name in needs.required(endpoint, inner) else "",
            )
            for inner, held in places
            for name, kind in held.items()
            if name != "id"
        ),
    )


def pushes(listed: Sequence[Push], settings: Settings, kind: str, *, running: bool) -> None:
    """Print pushes, the newest first; `running` tells whether one is going on."""
    if kind == "json":
        screen.as_json([vars(each) for each in listed])
        return
    names = ("push", "began", "endpoint", "source", "outcome", *COUNTS)
    newest = max((each.push for each in listed), default=0)
    rows = [
        (
            each.push,
            screen.when(datetime.fromisoformat(each.began_at), settings),
            each.endpoint,
            each.source,
            "goes on" if running and each.push == newest and not each.ended_at else each.outcome,
            *(getattr(each, name) for name in COUNTS),
        )
        for each in listed
    ]
    _table(names, rows, kind)


def rows(entries: Iterable[Entry], kind: str) -> None:
    """Print the rows of a push with their states."""
    names = ROW if kind == "table" else (*ROW, *TIMES)
    told = [tuple(getattr(each, name) for name in names) for each in entries]
    if kind == "json":
        screen.as_json([dict(zip(names, row, strict=True)) for row in told])
        return
    _table(names, told, kind)


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]], kind: str) -> None:
    if kind == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(names)
        out.writerows(rows)
        return
    screen.table(names, rows)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
