"""Period of an export: which rows of a list by date are written.

A model is a list by date if its header `-- period:` names a column with days, months or instants.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from p4books.errors import UsageError
from p4books.publish.language import Language
from p4books.publish.query import CatalogColumn, CatalogEntry
from p4books.storage.database import quote_identifier, quote_literal

DEFAULT_MONTHS = 24  # of a list by date in a workbook

_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class Period:
    """First and last day of a period, None if it has no such end, or its number of months.

    The months end with that of the as-of day. A period that nobody chose has no last day, and the
    rows without a day belong to it, since both are faults in the books that a person should see.
    Instants are of their day in the `timezone`.
    """

    first: date | None = None
    last: date | None = None
    months: int | None = None
    is_chosen: bool = True
    timezone: str = "UTC"

    def resolve(self, as_of_on: date | None, timezone: str) -> "Period | None":
        """Return the period with its days as of a day; None if nothing was copied yet."""
        if self.months is None:
            return replace(self, timezone=timezone)
        if as_of_on is None:
            return None
        first = _add_months(as_of_on.replace(day=1), 1 - self.months)
        last = _end_of_month(as_of_on) if self.is_chosen else None
        return replace(self, first=first, last=last, timezone=timezone)

    @property
    def label(self) -> str:
        """The part of a file's name for a period that was chosen, so that it replaces no full one.

        Of a period with a number of months it does not depend on the day.
        """
        if not self.is_chosen:
            return ""
        if self.months is not None:
            return f"last-{self.months}"
        if self.first and self.last and self._is_month:
            return f"{self.first:%Y-%m}"
        ends = [f"from-{self.first}"] * bool(self.first) + [f"to-{self.last}"] * bool(self.last)
        return "-".join(ends)

    def describe(self, language: Language) -> str:
        """Write the period, as in *Nov 2026* or *since 1 Dec 2024*. It must be resolved."""
        if self.first and self.last:
            if self._is_month:
                return language.month(self.first)
            days = {"first": language.day(self.first), "last": language.day(self.last)}
            return language.word("period_between", **days)
        if self.first:
            return language.word("period_since", first=language.day(self.first))
        return language.word("period_until", last=language.day(self.last)) if self.last else ""

    def select(self, column: CatalogColumn) -> str:
        """Return the SQL condition for the rows of the period, which must be resolved.

        A month belongs to it if one of its days does.
        """
        day = _select_day(column, self.timezone)
        first, last = self.first, self.last
        if _holds_months(column):
            day = f"date_trunc('month', {day})"
            first = first and first.replace(day=1)
        tests = [f"{day} >= date '{first}'"] * bool(first) + [f"{day} <= date '{last}'"] * bool(
            last
        )
        condition = " and ".join(tests) or "true"
        return condition if self.is_chosen else f"({condition} or {day} is null)"

    @property
    def _is_month(self) -> bool:
        return bool(self.first and self.first.day == 1 and self.last == _end_of_month(self.first))


DEFAULT_PERIOD = Period(months=DEFAULT_MONTHS, is_chosen=False)


def select_period(
    model: CatalogEntry, columns: Sequence[CatalogColumn], period: Period | None
) -> str:
    """Return the SQL condition for the rows of a model in a period, None means all.

    A model that is not a list by date has all rows in every period.
    """
    dated = find_dated(model, columns)
    return period.select(dated) if period and dated else "true"


def find_dated(model: CatalogEntry, columns: Sequence[CatalogColumn]) -> CatalogColumn | None:
    """Return the column with the days of a list by date; None if the model is none."""
    return next((column for column in columns if column.name == model.period), None)


def parse_month(word: str) -> Period:
    """Return the period of a month such as 2026-11. Raises UsageError."""
    match = _MONTH.fullmatch(word)
    try:
        first = date(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        first = None
    if first is None:
        raise UsageError(f"{word} is not a valid month; write it as 2026-11. Nothing was written.")
    return Period(first, _end_of_month(first))


def select_newest_first(column: CatalogColumn, order: str, timezone: str) -> str:
    """Return the ORDER BY clause that begins with the newest month, unless `order` does so."""
    first_term = order.split(",", maxsplit=1)[0].split()
    if "desc" in first_term:
        return order
    return f"date_trunc('month', {_select_day(column, timezone)}) desc nulls last, {order}"


def _select_day(column: CatalogColumn, timezone: str) -> str:
    value = quote_identifier(column.name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        value = f"timezone({quote_literal(timezone)}, {value})"
    return value if column.type == "DATE" else f"{value}::date"


def _holds_months(column: CatalogColumn) -> bool:
    return "month" in column.name.split("_")


def _add_months(first: date, months: int) -> date:
    """Return the first day of a month so many months later; the calendar's first, if before it."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1) if year >= 1 else date.min


def _end_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    if (day.year, day.month) == (date.max.year, date.max.month):
        return date.max
    return _add_months(day.replace(day=1), 1) - timedelta(days=1)
