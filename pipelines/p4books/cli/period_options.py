"""Options that choose the period of lists by date."""

import re
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from p4books.cli.runtime import parse_day
from p4books.errors import UsageError

if TYPE_CHECKING:  # imported by the commands themselves, so that `--help` starts without them
    from p4books.publish.period import Period

EXPORTS = "exports"  # the folder of the files, unless another one is named

_DAY_LIKE = re.compile(r"\d[\d.\-/]*")
_OPTIONS = (
    click.option("--month", metavar="MONTH", help="Lists by date: a month, such as 2026-11."),
    click.option("--from", "first", metavar="DAY", help="Lists by date: from that day on."),
    click.option(
        "--to",
        metavar="DAY|DIR",
        multiple=True,
        help="Lists by date: up to that day. Or the folder of the files.  [default: exports]",
    ),
    click.option(
        "--last",
        "months",
        type=click.IntRange(1, 1_200),
        metavar="N",
        help="Lists by date: the last N months, up to that of the as-of day.",
    ),
    click.option("--all-rows", "every", is_flag=True, help="Lists by date: all rows."),
)


def period_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a period; `parse_period` takes their values."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def split_to(words: Sequence[str]) -> tuple[Path, str | None]:
    """Return the folder and the day that `--to` names, which may be given once for each.

    What looks like a day is one; a folder with such a name is written as ./2026-11. Raises
    UsageError.
    """
    days = [word for word in words if _DAY_LIKE.fullmatch(word)]
    folders = [word for word in words if word not in days]
    if len(days) > 1 or len(folders) > 1:
        raise UsageError("--to is given twice; it takes one day and one folder.")
    return Path(folders[0] if folders else EXPORTS), days[0] if days else None


def parse_period(
    *,
    month: str | None,
    first: str | None,
    last: str | None,
    months: int | None,
    every: bool,
    is_workbook: bool,
) -> "Period | None":
    """Return the period that the options choose, None for all rows.

    A workbook has the default period if nothing is chosen. Raises UsageError.
    """
    from p4books.publish.period import DEFAULT_PERIOD, Period, parse_month

    given = {
        "--month": month is not None,
        "--from/--to": first is not None or last is not None,
        "--last": months is not None,
        "--all-rows": every,
    }
    named = [name for name, is_given in given.items() if is_given]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} exclude each other. Nothing was written.")
    if month is not None:
        return parse_month(month)
    if months is not None:
        return Period(months=months)
    if first is None and last is None:
        return DEFAULT_PERIOD if is_workbook and not every else None
    period = Period(parse_day(first), parse_day(last))
    if period.first and period.last and period.first > period.last:
        raise UsageError(f"--from {first} is after --to {last}. Nothing was written.")
    return period
