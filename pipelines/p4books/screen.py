"""How does a result look, to a person or to a program?"""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pendulum
from rich.console import Console
from rich.table import Table
from rich.text import Text

from p4books.settings import Settings

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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
