"""Console output: tables, JSON, paths, timestamps."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pendulum
from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

from p4books.cli.suggestions import complete_suggestions
from p4books.settings import Settings
from p4books.storage.exact_json import encode_document

WIDE = 10_000  # columns of output that is not a terminal, so that a table in a log never wraps


def make_console() -> Console:
    """Create the console of stdout, as wide as the terminal, or WIDE if there is none."""
    console = Console(highlight=False, soft_wrap=False)
    console.size = ConsoleDimensions(
        console.width if sys.stdout.isatty() else WIDE, console.height
    )  # both, or a terminal of the kind `dumb` always has 80 columns
    return console


def print_line(line: str = "") -> None:
    """Print a line of text as it is, without markup; commands in it get the given tenant."""
    sys.stdout.write(f"{complete_suggestions(line)}\n")


def cut_line(line: str) -> str:
    """Return what fits of a line into the terminal; all of it if there is none."""
    text = Text(line)
    text.truncate(make_console().width, overflow="ellipsis")
    return text.plain


def print_json(value: object) -> None:
    """Print a value as one JSON document: amounts with all their digits, instants in UTC."""
    sys.stdout.write(encode_document(format_instants(value)).decode())


def complete_document(value: Any, tenant: str | None = None) -> Any:
    """Return a value for JSON with a tenant in all commands that its texts suggest.

    Without one it is that which the user gave, if any. Not for values of the books.
    """
    return _complete_texts(format_instants(value), tenant)


def format_instants(value: Any) -> Any:
    """Return a value with all instants in it as text: ISO 8601, UTC, milliseconds."""
    if isinstance(value, datetime):
        return format_instant(value)
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: format_instants(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [format_instants(each) for each in value]
    return value


def format_instant(instant: datetime | float | str | None) -> str | None:
    """Format an instant as 2026-11-24T02:15:04.123Z; a number is seconds since 1970."""
    if instant is None:
        return None
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    elif not isinstance(instant, datetime):
        instant = datetime.fromtimestamp(instant, UTC)
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def name_waited(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the seconds waited under a name that says so, in milliseconds."""
    return {
        "waited_seconds" if name == "waited" else name: round(value, 3)
        if name == "waited"
        else value
        for name, value in values.items()
    }


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None
) -> None:
    """Print rows under a header, numbers right-aligned, without truncating or wrapping cells."""
    rows = [tuple(row) for row in rows]
    table = _build_table(columns, rows, _format_cell)
    console = make_console()
    console.width = max(console.width, _measure_width(table))  # a narrow terminal wraps the lines
    if title:
        console.print(title, style="bold")
    console.print(table)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print the rows of a query with their values unformatted.

    If the table is wider than the terminal, each row is printed with one value per line.
    """
    rows = [tuple(row) for row in rows]
    table = _build_table(columns, rows, _format_plain)
    console = make_console()
    if _measure_width(table) <= console.width:
        console.print(table)
        return
    widest = max(map(len, columns))
    for row in rows:
        console.rule()
        for name, value in zip(columns, row, strict=True):
            console.print(Text(f"{name:<{widest}}  {_format_plain(value)}"))


def display_path(path: Path) -> Path:
    """Return a path relative to the current folder if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def format_timestamp(timestamp: datetime | None, settings: Settings | None) -> str:
    """Format a timestamp in the tenant's time zone, or the default one; None is `never`."""
    if timestamp is None:
        return "never"
    zone = settings.timezone if settings else Settings.model_fields["timezone"].default
    local = pendulum.instance(timestamp).in_timezone(zone)
    return local.format("YYYY-MM-DD HH:mm:ss")


def format_now(settings: Settings | None) -> str:
    """Format the current time in the tenant's time zone, as a line of a log begins."""
    return format_timestamp(datetime.now(UTC), settings)


def format_age(timestamp: datetime) -> str:
    """Format how long ago a timestamp was, such as `2 hours ago`."""
    return pendulum.instance(timestamp).diff_for_humans()


def _complete_texts(value: Any, tenant: str | None) -> Any:
    if isinstance(value, str):
        return complete_suggestions(value, tenant)
    if isinstance(value, Mapping):
        return {key: _complete_texts(each, tenant) for key, each in value.items()}
    return [_complete_texts(each, tenant) for each in value] if isinstance(value, list) else value


def _build_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], format_value: Callable[[Any], str]
) -> Table:
    table = Table(box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = any(_is_number(row[index]) for row in rows)
        side: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(Text(name), justify=side, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(format_value(value)) for value in row))
    return table


def _measure_width(table: Table) -> int:
    return Console(width=WIDE, height=1).measure(table).maximum


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _format_plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto" if value.microsecond else "seconds")
    return "" if value is None else str(value)


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
