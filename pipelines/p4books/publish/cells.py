"""Cells of a table for people: what they show, and what they are sorted by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from p4books.publish.language import Language, format_amount
from p4books.publish.query import CatalogColumn

CellKind = Literal["text", "number", "time"]

_MONTH = "month_on"  # the column that is the first day of a month
_SHARE = "DECIMAL(9,6)"  # the type of shares, rates and growth
_NUMBER = re.compile(r"(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))|DECIMAL\(.*\)|DOUBLE|FLOAT")


@dataclass(frozen=True)
class Cell:
    """A value as people read it, and as programs do: a number, or a day as in ISO 8601.

    Of a text, and of what is unknown, programs read the same as people.
    """

    kind: CellKind
    text: str
    value: str


EMPTY = Cell("text", "", "")


@dataclass(frozen=True)
class CellStyle:
    """How values are written: the language, the time zone, and labels of words by column."""

    language: Language
    timezone: str
    labels: Mapping[tuple[str, str], str]

    def write(self, column: CatalogColumn, value: Any) -> Cell:
        """Write a value of a column; None is an empty cell."""
        match value:
            case None:
                return EMPTY
            case bool():
                return _write_text(self.language.flag(value))
            case datetime():
                text = self.language.instant(value, self.timezone)
                return Cell("time", text, value.isoformat())
            case date():
                is_month = column.name == _MONTH
                text = self.language.month(value) if is_month else self.language.day(value)
                return Cell("time", text, value.isoformat())
            case Decimal() | int() | float():
                exact = f"{value:f}" if isinstance(value, Decimal) else f"{value}"
                return Cell("number", self._write_number(column, value), exact)
        return _write_text(self.labels.get((column.name, str(value)), str(value)))

    def _write_number(self, column: CatalogColumn, value: Decimal | float) -> str:
        if column.type == _SHARE:
            return self.language.share(value)
        if isinstance(value, Decimal):
            is_amount = value.as_tuple().exponent == -2
            return format_amount(value) if is_amount else f"{value.normalize():,f}"
        return f"{value:,}"


def is_number(column: CatalogColumn) -> bool:
    """Return whether the values of a column are numbers, which stand below each other."""
    return _NUMBER.fullmatch(column.type) is not None


def _write_text(text: str) -> Cell:
    return Cell("text", text, text)
