"""Cells of a spreadsheet: what a person sees of the value that each one holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

from p4books.endpoints.definition import FieldType
from p4books.push.readers.number_formats import (
    DOUBLE_DIGITS,
    GENERAL,
    GENERAL_DIGITS,
    date_parts,
    show_number,
    show_text,
    shows_exactly,
)
from p4books.push.values import AS_TEXT, ShownValue, UnfitValue

CellValue = Mapping[str, Any]  # openpyxl's: row, column, data_type, value, style_id

FORMULA = "f"  # data type of a formula without a cached value
STALE = "stale"  # data type of one whose cached value is not what a spreadsheet shows
ERROR = "e"
_FAULTY = {FORMULA, STALE, ERROR}

_ACCOUNTING = 44  # number format that openpyxl writes without the signs between its sections
_SHORT_DATE = "mm-dd-yy"  # shown in the date format of the computer, with four digits of the year
_CODES: dict[int, str] = BUILTIN_FORMATS | {
    _ACCOUNTING: r'_("$"* #,##0.00_);_("$"* \(#,##0.00\);_("$"* "-"??_);_(@_)'
}
_DOUBLE = Context(DOUBLE_DIGITS, ROUND_HALF_EVEN)
_SHOW_ALL = "Show all of it in its format, or round or correct it: only what is seen is sent."


@dataclass(frozen=True)
class NumberCell(ShownValue):
    """A number, and the code of the format that it is shown in."""

    held: Decimal
    code: str

    @property
    def text(self) -> str:
        """What a person sees."""
        return show_number(self.held, self.code).text

    def resolve(self, kind: FieldType) -> object:
        """Return what it is in a field of this type. Raises UnfitValue."""
        read = _read_as_text if kind is FieldType.TEXT else _read_as_number
        return read(self.held, self.code)


@dataclass(frozen=True)
class UnfitCell(ShownValue):
    """A value that cannot be sent, whatever the field is; `as_text` is why not as a text."""

    shown: str
    fault: UnfitValue
    as_text: UnfitValue | None = None

    @property
    def text(self) -> str:
        """What a person sees."""
        return self.shown

    def resolve(self, kind: FieldType) -> object:
        """Raise UnfitValue."""
        fault = (kind is FieldType.TEXT and self.as_text) or self.fault
        raise UnfitValue(fault.what, fault.remedy)


def format_code(workbook: Any, style_id: int) -> str | None:
    """Return the code of a style's number format; None if it is not in the file."""
    if not style_id:
        return GENERAL
    number = workbook._cell_styles[style_id].numFmtId
    if number >= BUILTIN_FORMATS_MAX_SIZE:
        code = str(workbook._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])
        return GENERAL if code.lower() == GENERAL.lower() else code
    return _CODES.get(number)


def display_value(cell: CellValue, code: str | None = GENERAL) -> Any:
    """Return what a person sees in a cell, exactly.

    A value whose meaning depends on how it is shown, or that is not seen at all, is a ShownValue.
    `code` is the code of its number format.
    """
    value = cell["value"]
    if cell["data_type"] in _FAULTY:
        return UnfitCell(str(value) if cell["data_type"] == ERROR else "", _describe_fault(cell))
    if isinstance(value, str):
        return _display_text(value, code or GENERAL)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return _display_number(value, code)
    if isinstance(value, date):
        return _display_date(value, code or "")
    return UnfitCell(_format_time(value), UnfitValue("It is a time without a date.", AS_TEXT))


def _describe_fault(cell: CellValue) -> UnfitValue:
    if cell["data_type"] == ERROR:
        what = f"The cell contains an error ({cell['value']})."
        return UnfitValue(what, "Fix its formula, or clear the cell.")
    what = "The cell has a formula without a cached value."
    if cell["data_type"] == STALE:
        what = "The cell has a formula that was not calculated when the workbook was saved."
    return UnfitValue(what, "Open the workbook in Excel and save it.")


def _display_text(value: str, code: str) -> Any:
    if code in {GENERAL, "@"}:
        return value.strip() or None
    shown = show_text(value, code).strip()
    if shown or not value.strip():
        return shown or None
    what = f"The cell holds {value.strip()[:40]!r}, but its format ({code}) hides it."
    return UnfitCell("", UnfitValue(what, _SHOW_ALL))


def _display_number(value: float, code: str | None) -> Any:
    if code == GENERAL and value == int(value) and abs(value) < 10**GENERAL_DIGITS:
        return int(value)
    held = Decimal(value) if isinstance(value, int) else Decimal(format(value, ".15g"))
    if code is None:
        return UnfitCell(_plain(held), UnfitValue("Its number format is unknown.", _SHOW_ALL))
    return NumberCell(held, code)


def _read_as_text(held: Decimal, code: str) -> str:
    shown = show_number(held, code)
    if shown.is_text and _DOUBLE.plus(held) == held:
        return shown.text
    what = f"It is the number {_plain(held)}, shown as {shown.text}, but the field is text."
    if held != held.to_integral_value() or _DOUBLE.plus(held) != held:
        raise UnfitValue(what, AS_TEXT)
    raise UnfitValue(
        what,
        f"Format the cells as text and retype it; or, if {_plain(held)} is right, format them as "
        "numbers without decimals and separators.",
    )


def _read_as_number(held: Decimal, code: str) -> Decimal:
    if shows_exactly(held, code) and len(held.as_tuple().digits) <= DOUBLE_DIGITS:
        return held
    shown = show_number(held, code)
    if shown.is_percent:
        what = f"It is a percentage: the cell holds {_plain(held)} and shows {shown.text}."
        raise UnfitValue(what, "Write the number that P4 Books is to have, without a format of %.")
    if shown.number != held:
        text = f"{shown.text!r}" if shown.text else "nothing"
        raise UnfitValue(f"The cell holds {_plain(held)} but shows {text}.", _SHOW_ALL)
    if _DOUBLE.plus(held) != held:
        what = f"It has more than the {DOUBLE_DIGITS} digits that a spreadsheet keeps of a number."
        raise UnfitValue(what, AS_TEXT)
    return held


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
    return UnfitCell(held, UnfitValue(what, remedy), as_text)


def _format_time(value: time | timedelta) -> str:
    if isinstance(value, time):
        return value.isoformat()
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _plain(held: Decimal) -> str:
    return f"{held:f}" if abs(held.adjusted()) <= 30 else str(held)
