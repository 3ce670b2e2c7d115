"""Excel cells: types, number formats and widths."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from p4books.publish.language import Language
from p4books.publish.query import CatalogColumn
from p4books.storage.database import quote_identifier, quote_literal

ExcelType = Literal["text", "flag", "day", "instant", "number", "float"]

MAX_DIGITS = 15  # of a number in Excel
MAX_TEXT = 32_767  # UTF-16 code units of a text in Excel
FIRST_YEAR = 1900  # of Excel's calendar

_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_IDENTIFIER = "0"  # format of digits that are not an amount, such as a year
_SHARE_WORDS = {"share", "growth", "change", "drift", "against"}  # in names of shares: 0.1 is 10 %
_MIN_WIDTH, _MAX_WIDTH = 9, 60  # characters
_FIXED_WIDTHS = {"flag": 4, "day": 10, "instant": 17, "float": 14}
_HEADER_LINES = 2  # of the name of a column


@dataclass(frozen=True)
class ColumnMeasure:
    """Longest values of a column: characters, digits before the point, digits after it."""

    characters: int = 0
    digits: int = 0
    decimals: int = 0


@dataclass(frozen=True)
class ColumnFormat:
    """How a column is shown: its type, number format, header, and width in characters.

    The longest number has so many `digits` before the point.
    """

    column: CatalogColumn
    type: ExcelType
    format: str
    label: str
    width: float
    digits: int = 0

    @property
    def is_number(self) -> bool:
        """Return whether the values are quantities rather than identifiers made of digits."""
        return self.type in {"number", "float"} and self.format != _IDENTIFIER


def excel_type(column: CatalogColumn) -> ExcelType:
    """Return the Excel type for a column's DuckDB type."""
    if column.type == "BOOLEAN":
        return "flag"
    if column.type == "DATE":
        return "day"
    if column.type.startswith("TIMESTAMP"):
        return "instant"
    if column.type in {"DOUBLE", "FLOAT"}:
        return "float"
    is_exact = _INTEGER.fullmatch(column.type) or _DECIMAL.fullmatch(column.type)
    return "number" if is_exact else "text"


def select_as_written(column: CatalogColumn, timezone: str) -> str:
    """Return the SQL expression for a value as it is written, with instants in a time zone."""
    value = quote_identifier(column.name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({quote_literal(timezone)}, {value})"
    if excel_type(column) == "text" and column.type != "VARCHAR":
        return f"{value}::varchar"
    return value


def select_measures(column: CatalogColumn) -> str:
    """Return the three SQL expressions for the fields of a column's ColumnMeasure."""
    value = f"{quote_identifier(column.name)}::varchar"
    if excel_type(column) == "text":
        return f"coalesce(max(length({value})), 0), 0, 0"
    if excel_type(column) == "number":
        decimals = f"rtrim(split_part({value}, '.', 2), '0')"
        return (
            f"0, coalesce(max(length(split_part({value}, '.', 1))), 0),"
            f" coalesce(max(length({decimals})), 0)"
        )
    return "0, 0, 0"


def choose_format(
    column: CatalogColumn, measure: ColumnMeasure, language: Language
) -> ColumnFormat:
    """Choose the format of a column from its type, its name and its longest values."""
    kind = excel_type(column)
    number_format = _choose_number_format(column, kind, measure, language)
    if kind == "number":
        decimals = len(number_format.split(";", maxsplit=1)[0].partition(".")[2].rstrip("%"))
        characters = measure.digits + (measure.digits - 1) // 3 + decimals + 2
    else:
        characters = _FIXED_WIDTHS.get(kind, measure.characters)
    label = column.label(language.code)
    header = measure_header(label) + 4  # the arrow of the filter is next to the name
    width = min(max(characters + 2, header, _MIN_WIDTH), _MAX_WIDTH)
    return ColumnFormat(column, kind, number_format, label, width, measure.digits)


def measure_header(label: str) -> int:
    """Return how many characters wide a label is on the lines of a header."""
    words = label.split() or [""]
    width = max(len(label) // _HEADER_LINES, *map(len, words), 1)
    while _count_lines(words, width) > _HEADER_LINES:
        width += 1
    return width


def fits_excel(value: Any) -> bool:
    """Return whether Excel can store a number or a date without changing it."""
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor NaN
    if isinstance(value, date):  # or a datetime
        return value.year >= FIRST_YEAR
    if isinstance(value, str):  # a date after year 9999, which Python cannot represent
        return False
    return len(str(abs(value)).replace(".", "").strip("0")) <= MAX_DIGITS


def truncate_text(value: str) -> tuple[str, bool]:
    """Cut a text to what fits in a cell; return it and whether it was cut."""
    if len(value) <= MAX_TEXT // 2:
        return value, False
    encoded = value.encode("utf-16-le")
    if len(encoded) <= 2 * MAX_TEXT:
        return value, False
    return encoded[: 2 * MAX_TEXT - 2].decode("utf-16-le", errors="ignore") + "…", True


def _count_lines(words: list[str], width: int) -> int:
    lines, used = 1, -1
    for word in words:
        if used + 1 + len(word) > width:
            lines, used = lines + 1, -1
        used += 1 + len(word)
    return lines


def _choose_number_format(
    column: CatalogColumn, kind: ExcelType, measure: ColumnMeasure, language: Language
) -> str:
    if kind == "instant":
        return f"{language.excel_day} hh:mm"
    if kind == "day":
        is_month = column.name.endswith("month_on")
        return language.excel_month if is_month else language.excel_day
    if kind in {"text", "flag"}:
        return "General"
    return _format_number(column, column.name.split("_"), measure)


def _format_number(column: CatalogColumn, words: list[str], measure: ColumnMeasure) -> str:
    """Show amounts with cents and zero as a dash, other numbers with up to six decimals."""
    decimal = _DECIMAL.fullmatch(column.type)
    scale = int(decimal.group(1)) if decimal else 0
    if scale == 2:
        return "#,##0.00;-#,##0.00;-"
    if _INTEGER.fullmatch(column.type) and words[-1] in {"year", "number", "id"}:
        return _IDENTIFIER
    if _SHARE_WORDS & set(words):
        return "0.0%"
    if "rate" in words:
        return ("0%", "0.0%", "0.00%")[min(max(measure.decimals - 2, 0), 2)]
    is_price = scale > 0 and ("price" in words or "cost" in words)
    least = 2 if is_price or column.type in {"DOUBLE", "FLOAT"} else 0
    decimals = max(least, min(measure.decimals, 4 if is_price else 6))
    return "#,##0" + ("." + "0" * decimals if decimals else "")
