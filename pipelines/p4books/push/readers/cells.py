"""Cells of a spreadsheet: what a person sees of the value that each one holds."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

from p4books.push.readers.number_formats import (
    DOUBLE_DIGITS,
    GENERAL,
    ShownNumber,
    date_parts,
    show_number,
    show_text,
)
from p4books.push.values import AS_TEXT, ShownValue, UnfitValue

CellValue = Mapping[str, Any]  # openpyxl's: row, column, data_type, value, style_id

FORMULA = "f"  # data type of a formula without a cached value
STALE = "stale"  # data type of one whose cached value is not what a spreadsheet shows
ERROR = "e"

_ACCOUNTING = 44  # number format that openpyxl writes without the signs between its sections
_SHORT_DATE = "mm-dd-yy"  # stands for the date format of the computer, with four digits of the year
_CODES: dict[int, str] = BUILTIN_FORMATS | {
    _ACCOUNTING: r'_("$"* #,##0.00_);_("$"* \(#,##0.00\);_("$"* "-"??_);_(@_)'
}
_DOUBLE = Context(DOUBLE_DIGITS, ROUND_HALF_EVEN)
_SHOW_ALL = "Show all of it in its format, or change the value: only what is seen is sent."


def format_code(workbook: Any, style_id: int) -> str | None:
    """Return the code of a style's number format; None if it is not in the file."""
    if not style_id:
        return GENERAL
    number = workbook._cell_styles[style_id].numFmtId
    if number >= BUILTIN_FORMATS_MAX_SIZE:
        return str(workbook._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])
    return _CODES.get(number)


def display_value(cell: CellValue, code: str | None = GENERAL) -> Any:
    """Return what a person sees in a cell, exactly.

    A value that means something else by the way it is shown, or is not seen at all, is a
    ShownValue. `code` is the code of its number format.
    """
    value = cell["value"]
    if fault := _describe_fault(cell):
        return _unfit("" if cell["data_type"] in {FORMULA, STALE} else str(value), fault)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _display_text(value, code or GENERAL)
    if isinstance(value, (int, float)):
        return _display_number(value, code)
    if isinstance(value, date):
        return _display_date(value, code or "")
    return _unfit(_format_time(value), UnfitValue("It is a time without a date.", AS_TEXT))


def _describe_fault(cell: CellValue) -> UnfitValue | None:
    if cell["data_type"] == ERROR:
        what = f"The cell contains an error ({cell['value']})."
        return UnfitValue(what, "Fix its formula, or clear the cell.")
    if cell["data_type"] == FORMULA:
        what = "The cell has a formula without a cached value."
    elif cell["data_type"] == STALE:
        what = "The cell has a formula that was not calculated when the workbook was saved."
    else:
        return None
    return UnfitValue(what, "Open the workbook in Excel and save it.")


def _display_text(value: str, code: str) -> Any:
    shown = show_text(value, code).strip()
    if shown or not value.strip():
        return shown or None
    what = f"The cell holds {value.strip()[:40]!r}, but its format ({code}) hides it."
    return _unfit("", UnfitValue(what, _SHOW_ALL))


def _display_number(value: float, code: str | None) -> Any:
    held = Decimal(value) if isinstance(value, int) else Decimal(format(value, ".15g"))
    if code is None:
        return _unfit(_plain(held), UnfitValue("Its number format is unknown.", _SHOW_ALL))
    shown = show_number(held, code)
    if code == GENERAL and shown.is_text and shown.number == held:
        return int(held)
    return ShownValue(shown.text, _read_as_text(held, shown), _read_as_number(held, shown))


def _read_as_text(held: Decimal, shown: ShownNumber) -> str | UnfitValue:
    if shown.is_text and _DOUBLE.plus(held) == held:
        return shown.text
    what = f"It is the number {_plain(held)}, shown as {shown.text}, but the field is text."
    return UnfitValue(what, AS_TEXT)


def _read_as_number(held: Decimal, shown: ShownNumber) -> int | Decimal | UnfitValue:
    if shown.is_percent:
        what = f"It is a percentage: the cell holds {_plain(held)} and shows {shown.text}."
        return UnfitValue(what, "Write the number that P4 Books is to have, without a format of %.")
    if shown.number != held:
        text = f"{shown.text!r}" if shown.text else "nothing"
        return UnfitValue(f"The cell holds {_plain(held)} but shows {text}.", _SHOW_ALL)
    if _DOUBLE.plus(held) != held:
        what = f"It has more than the {DOUBLE_DIGITS} digits that a spreadsheet keeps of a number."
        return UnfitValue(what, AS_TEXT)
    return int(held) if held == held.to_integral_value() else held


def _display_date(value: date, code: str) -> Any:
    shown = value
    if isinstance(value, datetime) and value.time() == time():
        shown = value.date()
    parts = date_parts(code)
    if parts.is_complete and (parts.has_century or code == _SHORT_DATE):
        return shown
    if parts.is_complete and 2000 <= value.year <= 2099:
        return shown
    held, hidden = shown.isoformat(), "the century" if parts.is_complete else "the whole date"
    what = f"The cell holds {held}, but its format ({code}) does not show {hidden}."
    as_text = UnfitValue("It is a date, but the field is text.", AS_TEXT)
    remedy = "Format the column as a date with day, month and year, and check what it shows."
    return ShownValue(held, as_text, UnfitValue(what, remedy))


def _format_time(value: time | timedelta) -> str:
    if isinstance(value, time):
        return value.isoformat()
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _plain(held: Decimal) -> str:
    return f"{held:f}" if abs(held.adjusted()) <= 30 else str(held)


def _unfit(text: str, fault: UnfitValue) -> ShownValue:
    return ShownValue(text, fault, fault)
