"""Output of push and pushes."""

import csv
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from p4books.cli.console import (
    format_instant,
    format_timestamp,
    name_waited,
    print_json,
    print_line,
    print_table,
)
from p4books.cli.runtime import log_note, log_progress
from p4books.endpoints.column_names import example_value
from p4books.endpoints.definition import Endpoint, Fields
from p4books.errors import UsageError, count_of
from p4books.publish.export import write_atomically
from p4books.push.mapping import list_column_names
from p4books.push.run import PushCallback
from p4books.push.types import Entry, Push, PushReport, RowFault
from p4books.push.validate import required_fields
from p4books.settings import Settings
from p4books.storage.exact_json import encode_rows

FAULT_COLUMNS = ("row", "column", "value", "what", "remedy", "cell")
ENTRY_COLUMNS = (
    "row",
    "code",
    "state",
    "push",
    "id",
    "given_code",
    "status",
    "answer",
    "differs",
    "note",
)
TIME_COLUMNS = ("ready_at", "sent_at", "answered_at", "sought_at")
COUNTS = ("rows", "created", "already", "refused", "unknown", "ready", "bad")
MAX_FAULTS_SHOWN = 20  # `--faults FILE` writes all of them
MAX_NAMES_SHOWN = 5  # of the columns that are a field; `--json` has all of them
MAX_ROWS_LISTED = 10  # hidden rows
QUIET_SECONDS = 30.0  # between two lines about a long push

FaultFormat = Literal["csv", "json"]


def parse_fault_format(file: Path) -> FaultFormat:
    """Return the format that a file's suffix selects. Raises UsageError."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix == ".json":
        return "json"
    raise UsageError(f"{file} is neither .csv nor .json. Nothing was done. Use one of the two.")


def write_faults(file: Path, faults: Sequence[RowFault], mode: int = 0o640) -> None:
    """Write faults to a file, completely or not at all; without faults it lists none.

    Raises UsageError for any other suffix, and NotWritten, which leaves an existing file untouched.
    """
    kind = parse_fault_format(file)
    rows = [tuple(getattr(fault, name) for name in FAULT_COLUMNS) for fault in faults]
    with write_atomically(file, mode) as scratch:
        if kind == "json":
            with scratch.open("wb") as binary:
                binary.writelines(encode_rows(FAULT_COLUMNS, rows))
            return
        with scratch.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(FAULT_COLUMNS)
            writer.writerows(rows)


@contextmanager
def show_push_progress() -> Iterator[PushCallback]:
    """Show how many records were sent: a bar on a terminal, otherwise a line now and then."""
    if not sys.stderr.isatty():
        yield _print_progress_lines()
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        yield _update_bars(bars)


def print_report(report: PushReport, settings: Settings) -> None:
    """Print the first faults, how the file was read, and the outcome of all records."""
    if report.faults:
        shown = report.faults[:MAX_FAULTS_SHOWN]
        place = "cell" if any(fault.cell for fault in shown) else "row"
        print_table(
            (place, "column", "value", "what is wrong", "what to do"),
            (
                (fault.cell or fault.row or "", fault.column, fault.value, fault.what, fault.remedy)
                for fault in shown
            ),
        )
    if len(report.faults) > MAX_FAULTS_SHOWN:
        more = len(report.faults) - MAX_FAULTS_SHOWN
        print_line(f"and {more:,} more; --faults FILE writes all of them.")
    for warning in report.warnings[:MAX_FAULTS_SHOWN]:
        place = warning.cell or f"row {warning.row}"
        log_note(f"{place}, {warning.column}: {warning.what} {warning.remedy}")
    if len(report.warnings) > MAX_FAULTS_SHOWN:
        more = len(report.warnings) - MAX_FAULTS_SHOWN
        log_note(f"and {more:,} more such warnings; --json prints all of them.")
    for line in _format_reading(report):
        print_line(line)
    print_line(_format_report(report))
    if report.push is None and report.books_as_of:
        at = format_timestamp(report.books_as_of, settings)
        print_line(f"Checked against the books as of {at} ({settings.timezone}).")


def print_report_json(report: PushReport) -> None:
    """Print the report as a JSON document."""
    print_json({**name_waited(vars(report)), "errors": [str(error) for error in report.errors]})


def print_fields(endpoint: Endpoint, *, as_json: bool = False) -> None:
    """Print the fields that a file may have: type, whether required, example, names of columns.

    A name with a question mark may be of another field, depending on the other columns.
    """
    columns = ("field", "of", "type", "required", "example", "recognized")
    groups: list[tuple[str | None, Fields]] = [(None, endpoint.fields), *endpoint.inner.items()]
    rows = [
        (
            name,
            inner,
            kind.name.lower(),
            "yes" if name in required_fields(endpoint, inner) else "",
            example_value(name, kind),
            list_column_names(endpoint, name, inner),
        )
        for inner, fields in groups
        for name, kind in fields.items()
        if name != "id"
    ]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, ((*row[:-1], _shorten_names(row[-1])) for row in rows))


def print_pushes(pushes: Sequence[Push], settings: Settings, kind: str, *, running: bool) -> None:
    """Print pushes, newest first; `running` says whether a push is in progress now."""
    if kind == "json":
        print_json([_format_times(vars(push), ("began_at", "ended_at")) for push in pushes])
        return
    if not pushes and kind == "table":
        print_line(f"Nothing was pushed for {settings.tenant} yet.")
        return
    columns = ("push", "began", "endpoint", "source", "outcome", *COUNTS)
    newest = max((push.push for push in pushes), default=0)
    rows = [
        (
            push.push,
            format_timestamp(datetime.fromisoformat(push.began_at), settings),
            push.endpoint,
            push.source,
            "in progress"
            if running and push.push == newest and not push.ended_at
            else push.outcome,
            *(getattr(push, name) for name in COUNTS),
        )
        for push in pushes
    ]
    _print_table_or_csv(columns, rows, kind)


def print_push_rows(entries: Iterable[Entry], kind: str) -> None:
    """Print the rows of a push with their states."""
    columns = ENTRY_COLUMNS if kind == "table" else (*ENTRY_COLUMNS, *TIME_COLUMNS)
    rows = [tuple(getattr(entry, name) for name in columns) for entry in entries]
    if kind == "json":
        print_json(
            [_format_times(dict(zip(columns, row, strict=True)), TIME_COLUMNS) for row in rows]
        )
        return
    _print_table_or_csv(columns, rows, kind)


def _format_times(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**values, **{name: format_instant(values[name]) for name in names}}


def _shorten_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMES_SHOWN])
    return f"{shown}, …" if len(names) > MAX_NAMES_SHOWN else shown


def _update_bars(bars: Progress) -> PushCallback:
    tasks: dict[str, TaskID] = {}

    def update(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    return update


def _print_progress_lines() -> PushCallback:
    """Return a callback that prints a count twice a minute, and at once that a list is read."""
    printed_at = time.monotonic()

    def update(what: str, done: int, total: int) -> None:
        nonlocal printed_at
        if what == "reconciling":
            log_progress(
                f"Reading the list to find {count_of(total, 'record')} whose response was lost."
            )
        elif time.monotonic() - printed_at >= QUIET_SECONDS:
            printed_at = time.monotonic()
            log_progress(f"{done:,} of {total:,} sent")

    return update


def _format_reading(report: PushReport) -> Iterator[str]:
    """Say how the file was read, as far as it differs from what is written in it."""
    taken = [
        f"{column} as {field}"
        for column, field in report.columns.items()
        if field and re.sub(r"[\W_]", "", column).lower() != field.replace("_", "")
    ]
    if taken:
        yield f"Columns: {', '.join(taken)}."
    if report.header_row is not None and report.header_row > 1:
        yield f"The names of the columns are in row {report.header_row}."
    hidden = []
    if report.hidden_rows:
        numbers = ", ".join(map(str, report.hidden_rows[:MAX_ROWS_LISTED]))
        more = ", …" if len(report.hidden_rows) > MAX_ROWS_LISTED else ""
        plural = "" if len(report.hidden_rows) == 1 else "s"
        hidden.append(f"{len(report.hidden_rows):,} row{plural} ({numbers}{more})")
    if report.hidden_columns:
        hidden.append(f"the columns {', '.join(report.hidden_columns)}")
    if hidden:
        yield f"Left out, since the workbook hides them: {' and '.join(hidden)}."


def _format_report(report: PushReport) -> str:
    counts = {
        "created": report.created,
        "created by an earlier push": report.earlier,
        "refused by an earlier push": report.earlier_refused,
        "refused": report.refused,
        "unknown": report.unknown,
        "ready": report.ready,
        "bad": report.bad,
    }
    states = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    if not report.rows:
        return f"{report.endpoint}: there are no rows to push; nothing was sent."
    if not states:
        return f"{report.endpoint}: {count_of(report.rows, 'record')} read; nothing was sent."
    rows = f"of {count_of(report.rows, 'record')} {states}"
    if report.push is None:
        return f"{report.endpoint}: {rows}; nothing was sent."
    cost = f"{count_of(report.requests, 'request')} in {report.seconds:,.1f} s"
    return f"Push {report.push}, {report.endpoint}: {rows}; {cost}."


def _print_table_or_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]], kind: str) -> None:
    if kind == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return
    print_table(columns, rows)
