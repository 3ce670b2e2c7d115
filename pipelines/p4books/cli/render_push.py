"""Output of push and pushes."""

import csv
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from p4books.cli.console import format_timestamp, print_json, print_table
from p4books.cli.runtime import log_progress
from p4books.endpoints.definition import Endpoint, Fields
from p4books.errors import UsageError
from p4books.publish.export import write_atomically
from p4books.push.run import PushCallback
from p4books.push.types import Entry, Fault, Push, PushReport
from p4books.push.validate import required_fields
from p4books.settings import Settings
from p4books.storage.exact_json import encode_rows

FAULT_COLUMNS = ("row", "column", "value", "what", "remedy")

FaultFormat = Literal["csv", "json"]


def fault_format(file: Path) -> FaultFormat:
    """Tell by a file's ending as what it is written. Raises UsageError."""
    ending = file.suffix.lower()
    if ending == ".csv":
        return "csv"
    if ending == ".json":
        return "json"
    raise UsageError(f"{file} is neither .csv nor .json. Nothing was done. Name it so.")


def write_faults(file: Path, faults: Sequence[Fault], mode: int = 0o640) -> None:
    """Write faults, whole or not at all; without any the file has none in it.

    Raises UsageError for another ending, and NotWritten with what stood there untouched.
    """
    how = fault_format(file)
    told = [(each.row, each.column, each.value, each.what, each.remedy) for each in faults]
    with write_atomically(file, mode) as made:
        if how == "json":
            with made.open("wb") as out:
                out.writelines(encode_rows(FAULT_COLUMNS, told))
            return
        with made.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(FAULT_COLUMNS)
            writer.writerows(told)


QUIET = 30.0  # seconds between two lines about a long push
SHOWN = 20  # faults on a screen; a file holds them all

ROW = ("row", "code", "state", "push", "id", "given_code", "status", "answer", "differs", "note")
TIMES = ("ready_at", "sent_at", "answered_at", "sought_at")
COUNTS = ("rows", "created", "already", "refused", "unknown", "ready", "bad")


@contextmanager
def show_push_progress() -> Iterator[PushCallback]:
    """Show how many records were sent: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _print_progress_lines()
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


def _print_progress_lines() -> PushCallback:
    """Tell twice a minute at the most how many were sent, and at once that a list is read."""
    last = time.monotonic()

    def told(what: str, done: int, whole: int) -> None:
        nonlocal last
        if what == "reconciling":
            log_progress(f"Reading the list to find {whole:,} whose answer was lost.")
        elif time.monotonic() - last >= QUIET:
            last = time.monotonic()
            log_progress(f"{done:,} of {whole:,} sent")

    return told


def print_report(done: PushReport, settings: Settings) -> None:
    """Print what is wrong with rows, and what became of all in one line."""
    if done.faults:
        print_table(
            ("row", "column", "value", "what is wrong", "what to do"),
            (
                (each.row or "", each.column, each.value, each.what, each.remedy)
                for each in done.faults[:SHOWN]
            ),
        )
    if len(done.faults) > SHOWN:
        _print_text(f"and {len(done.faults) - SHOWN:,} more; --faults FILE writes them all.")
    _print_text(_report_sentence(done))
    if done.push is None and done.books_as_of:
        at = format_timestamp(done.books_as_of, settings)
        _print_text(f"Checked against the books of {at} ({settings.timezone}).")


def print_report_json(done: PushReport) -> None:
    """Print the same for a program."""
    print_json({**vars(done), "errors": [str(each) for each in done.errors]})


def _report_sentence(done: PushReport) -> str:
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


def print_fields(endpoint: Endpoint) -> None:
    """Print which columns a file may have, what each holds, and which it must have."""
    places: list[tuple[str | None, Fields]] = [(None, endpoint.fields), *endpoint.inner.items()]
    print_table(
        ("field", "of", "holds", "needed"),
        (
            (
                name,
                inner,
                kind.name.lower(),
                "yes" if name in required_fields(endpoint, inner) else "",
            )
            for inner, held in places
            for name, kind in held.items()
            if name != "id"
        ),
    )


def print_pushes(listed: Sequence[Push], settings: Settings, kind: str, *, running: bool) -> None:
    """Print pushes, the newest first; `running` tells whether one is going on."""
    if kind == "json":
        print_json([vars(each) for each in listed])
        return
    names = ("push", "began", "endpoint", "source", "outcome", *COUNTS)
    newest = max((each.push for each in listed), default=0)
    rows = [
        (
            each.push,
            format_timestamp(datetime.fromisoformat(each.began_at), settings),
            each.endpoint,
            each.source,
            "goes on" if running and each.push == newest and not each.ended_at else each.outcome,
            *(getattr(each, name) for name in COUNTS),
        )
        for each in listed
    ]
    _fault_table(names, rows, kind)


def print_push_rows(entries: Iterable[Entry], kind: str) -> None:
    """Print the rows of a push with their states."""
    names = ROW if kind == "table" else (*ROW, *TIMES)
    told = [tuple(getattr(each, name) for name in names) for each in entries]
    if kind == "json":
        print_json([dict(zip(names, row, strict=True)) for row in told])
        return
    _fault_table(names, told, kind)


def _fault_table(names: Sequence[str], rows: Sequence[Sequence[Any]], kind: str) -> None:
    if kind == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(names)
        out.writerows(rows)
        return
    print_table(names, rows)


def _print_text(line: str) -> None:
    sys.stdout.write(f"{line}\n")
