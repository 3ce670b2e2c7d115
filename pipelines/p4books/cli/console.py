"""Console output: tables, JSON, timestamps."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pendulum
from rich.console import Console
from rich.table import Table
from rich.text import Text

from p4books.settings import Settings
from p4books.storage.exact_json import encode_document

WIDE = 10_000  # columns, where nobody looks: a table in a log is never folded


def make_console() -> Console:
    """Make the console of standard output: as wide as a terminal, or as its lines are."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)


def print_json(value: object) -> None:
    """Print a value as one JSON document; amounts are numbers with all their digits."""
    sys.stdout.write(encode_document(value).decode())


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None
) -> None:
    """Print rows under their names; numbers stand on the right, nothing is cut off or folded."""
    rows = [tuple(row) for row in rows]
    shown = _build_table(columns, rows, _format_cell)
    out = make_console()
    out.width = max(out.width, _table_width(shown))  # a terminal that is too narrow wraps its lines
    if title:
        out.print(title, style="bold")
    out.print(shown)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print what a query gave, values as they are; one below the other where they are too wide."""
    rows = [tuple(row) for row in rows]
    shown = _build_table(columns, rows, _plain_text)
    out = make_console()
    if _table_width(shown) <= out.width:
        out.print(shown)
        return
    widest = max(map(len, columns))
    for row in rows:
        out.rule()
        for name, value in zip(columns, row, strict=True):
            out.print(Text(f"{name:<{widest}}  {_plain_text(value)}"))


def _build_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], say: Callable[[Any], str]
) -> Table:
    shown = Table(box=None, pad_edge=False)
    for place, name in enumerate(columns):
        numbers = any(_is_number(row[place]) for row in rows)
        side: Literal["left", "right"] = "right" if numbers else "left"
        shown.add_column(Text(name), justify=side, no_wrap=True)
    for row in rows:
        shown.add_row(*(Text(say(value)) for value in row))
    return shown


def _table_width(shown: Table) -> int:
    wide = Console(width=WIDE)
    return wide.measure(shown).maximum


def display_path(path: Path) -> Path:
    """Shorten a path below the current folder, as a person would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def format_timestamp(instant: datetime | None, settings: Settings) -> str:
    """Say an instant in the tenant's time zone."""
    if instant is None:
        return "never"
    return pendulum.instance(instant).in_timezone(settings.timezone).format("YYYY-MM-DD HH:mm:ss")


def format_age(instant: datetime) -> str:
    """Say how long ago an instant was."""
    return pendulum.instance(instant).diff_for_humans()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _plain_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto" if value.microsecond else "seconds")
    return "" if value is None else str(value)


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
