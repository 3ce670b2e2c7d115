"""Excel cells: types, number formats and widths."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from p4books.publish.query import CatalogColumn
from p4books.storage.database import quote_identifier, quote_literal

ExcelType = Literal["text", "flag", "day", "instant", "number", "float"]

MAX_DIGITS = 15  # that Excel keeps of a number
MAX_TEXT = 32_767  # that it keeps of a text, in UTF-16
FIRST_YEAR = 1900  # of its calendar

_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_NAME = "0"  # the format of what is a number in its writing only, as a year
_WIDEST, _NARROWEST = 60, 9  # letters
_FORMATS = {"day": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss"}
_FORMATS |= {"text": "General", "flag": '"TRUE";"TRUE";"FALSE"'}  # Excel minds no format of a flag
_FIXED = {"flag": 8, "day": 11, "instant": 20, "float": 14}


@dataclass(frozen=True)
class ColumnMeasure:
    """How much room the values of a column take: their letters, and digits after the point."""

    letters: int = 0
    whole: int = 0
    places: int = 0


@dataclass(frozen=True)
class ColumnFormat:
    """How the values of a column are shown: as which kind, in which format, how wide."""

    column: CatalogColumn
    kind: ExcelType
    format: str
    width: float

    @property
    def is_number(self) -> bool:
        """Tell whether the values are amounts, counts or shares, not names made of digits."""
        return self.kind in {"number", "float"} and self.format != _NAME


def excel_type(column: CatalogColumn) -> ExcelType:
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


def select_as_written(column: CatalogColumn, zone: str) -> str:
    """Write the SQL that gives a column's value as it is written: an instant in a zone."""
    value = quote_identifier(column.name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({quote_literal(zone)}, {value})"
    if excel_type(column) == "text" and column.type != "VARCHAR":
        return f"{value}::varchar"
    return value


def select_measures(column: CatalogColumn) -> str:
    """Write the SQL that measures a column: its longest text, and the digits of its numbers."""
    value = f"{quote_identifier(column.name)}::varchar"
    if excel_type(column) == "text":
        return f"coalesce(max(length({value})), 0), 0, 0"
    if excel_type(column) == "number":
        digits = f"rtrim(split_part({value}, '.', 2), '0')"
        return (
            f"0, coalesce(max(length(split_part({value}, '.', 1))), 0),"
            f" coalesce(max(length({digits})), 0)"
        )
    return "0, 0, 0"


def choose_format(column: CatalogColumn, measure: ColumnMeasure) -> ColumnFormat:
    """Choose how a column is shown, from its type, its name and what was measured of it."""
    what = excel_type(column)
    shown = _number_format(column, what, measure)
    if what == "number":
        places = len(shown.split(";", maxsplit=1)[0].partition(".")[2].rstrip("%"))
        letters = measure.whole + (measure.whole - 1) // 3 + places + 2
    else:
        letters = _FIXED.get(what, measure.letters)
    head = len(column.name) + 4  # the filter's arrow stands beside the name
    width = min(max(letters + 2, head, _NARROWEST), _WIDEST)
    return ColumnFormat(column, what, shown, width)


def _number_format(column: CatalogColumn, what: ExcelType, measure: ColumnMeasure) -> str:
    if what == "day" and column.name == "month_on":
        return "yyyy-mm"
    return _FORMATS.get(what) or _format_for_number(column, column.name.split("_"), measure)


def _format_for_number(column: CatalogColumn, words: list[str], measure: ColumnMeasure) -> str:
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


def fits_excel(value: Any) -> bool:
    """Tell whether Excel holds a number, or a day, as it is."""
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor no number
    if isinstance(value, date):  # an instant too
        return value.year >= FIRST_YEAR
    if isinstance(value, str):  # a day beyond Python's calendar
        return False
    return len(str(abs(value)).replace(".", "").strip("0")) <= MAX_DIGITS


def truncate_text(value: str) -> tuple[str, bool]:
    """Cut a text to what a cell holds; tell whether it was cut."""
    if len(value) <= MAX_TEXT // 2:
        return value, False
    written = value.encode("utf-16-le")
    if len(written) <= 2 * MAX_TEXT:
        return value, False
    return written[: 2 * MAX_TEXT - 2].decode("utf-16-le", errors="ignore") + "…", True
