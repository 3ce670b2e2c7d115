"""How does a value become a cell?

A number in Excel has 15 digits and no zone, a text 32,767 letters. What does not fit is written as
text, never as another value.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from p4books.database import name, text
from p4books.warehouse.catalogue import Column

Kind = Literal["text", "flag", "day", "instant", "number", "float"]

DIGITS = 15  # that Excel keeps of a number
LETTERS = 32_767  # that it keeps of a text, in UTF-16
FIRST_YEAR = 1900  # of its calendar

_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_NAME = "0"  # the format of what is a number in its writing only, as a year
_WIDEST, _NARROWEST = 60, 9  # letters
_FORMATS = {"day": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss"}
_FORMATS |= {"text": "General", "flag": '"TRUE";"TRUE";"FALSE"'}  # Excel minds no format of a flag
_FIXED = {"flag": 8, "day": 11, "instant": 20, "float": 14}


@dataclass(frozen=True)
class Measure:
    """How much room the values of a column take: their letters, and digits after the point."""

    letters: int = 0
    whole: int = 0
    places: int = 0


@dataclass(frozen=True)
class Shape:
    """How the values of a column are shown: as which kind, in which format, how wide."""

    column: Column
    kind: Kind
    format: str
    width: float

    @property
    def is_number(self) -> bool:
        """Tell whether the values are amounts, counts or shares, not names made of digits."""
        return self.kind in {"number", "float"} and self.format != _NAME


def kind(column: Column) -> Kind:
    """Tell as what a column's values are written, by its type."""
    if column.type == "BOOLEAN":
        return "flag"
    if column.type == "DATE":
        return "day"
    if column.type.startswith("TIMESTAMP"):
        return "instant"
    if column.type in {"DOUBLE", "FLOAT"}:
        return "float"
    number = _WHOLE.fullmatch(column.type) or _DECIMAL.fullmatch(column.type)
    return "number" if number else "text"


def told(column: Column, zone: str) -> str:
    """Write the SQL that gives a column's value as it is written: an instant in a zone."""
    value = name(column.name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({text(zone)}, {value})"
    if kind(column) == "text" and column.type != "VARCHAR":
        return f"{value}::varchar"
    return value


def measured(column: Column) -> str:
    """Write the SQL that measures a column: its longest text, and the digits of its numbers."""
    value = f"{name(column.name)}::varchar"
    if kind(column) == "text":
        return f"coalesce(max(length({value})), 0), 0, 0"
    if kind(column) == "number":
        digits = f"rtrim(split_part({value}, '.', 2), '0')"
        return (
            f"0, coalesce(max(length(split_part({value}, '.', 1))), 0),"
            f" coalesce(max(length({digits})), 0)"
        )
    return "0, 0, 0"


def shape(column: Column, measure: Measure) -> Shape:
    """Choose how a column is shown, from its type, its name and what was measured of it."""
    what = kind(column)
    shown = _format(column, what, measure)
    if what == "number":
        places = len(shown.split(";", maxsplit=1)[0].partition(".")[2].rstrip("%"))
        letters = measure.whole + (measure.whole - 1) // 3 + places + 2
    else:
        letters = _FIXED.get(what, measure.letters)
    head = len(column.name) + 4  # the filter's arrow stands beside the name
    width = min(max(letters + 2, head, _NARROWEST), _WIDEST)
    return Shape(column, what, shown, width)


def _format(column: Column, what: Kind, measure: Measure) -> str:
    if what == "day" and column.name == "month_on":
        return "yyyy-mm"
    return _FORMATS.get(what) or _number(column, column.name.split("_"), measure)


def _number(column: Column, words: list[str], measure: Measure) -> str:
    """Show cents as cents, their zero as a dash; of all else the digits there are, up to six."""
    match = _DECIMAL.fullmatch(column.type)
    scale = int(match.group(1)) if match else 0
    if scale == 2:
        return "#,##0.00;-#,##0.00;-"
    if _WHOLE.fullmatch(column.type) and words[-1] in {"year", "number", "id"}:
        return _NAME
    if "share" in words or "growth" in words:
        return "0.0%"
    if "rate" in words:
        return ("0%", "0.0%", "0.00%")[min(max(measure.places - 2, 0), 2)]
    is_price = scale > 0 and ("price" in words or "cost" in words)
    least = 2 if is_price or column.type in {"DOUBLE", "FLOAT"} else 0
    places = max(least, min(measure.places, 4 if is_price else 6))
    return "#,##0" + ("." + "0" * places if places else "")


def fits(value: Any) -> bool:
    """Tell whether Excel holds a number, or a day, as it is."""
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor no number
    if isinstance(value, date):  # an instant too
        return value.year >= FIRST_YEAR
    if isinstance(value, str):  # a day beyond Python's calendar
        return False
    return len(str(abs(value)).replace(".", "").strip("0")) <= DIGITS


def cut(value: str) -> tuple[str, bool]:
    """Cut a text to what a cell holds; tell whether it was cut."""
    if len(value) <= LETTERS // 2:
        return value, False
    written = value.encode("utf-16-le")
    if len(written) <= 2 * LETTERS:
        return value, False
    return written[: 2 * LETTERS - 2].decode("utf-16-le", errors="ignore") + "…", True
