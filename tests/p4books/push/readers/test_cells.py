"""Cells of a spreadsheet: what is sent of what a person sees."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from p4books.endpoints.definition import FieldType
from p4books.push.readers.excel import read_workbook
from p4books.push.values import UnfitValue, format_value, parse_value

DAY = datetime(2026, 3, 31)  # noqa: DTZ001 - a cell has no zone


def _read(folder: Path, value: Any, code: str) -> Any:
    """Write a value in a format, as a person does, and read it."""
    book = Workbook()
    book.active.append(["x"])
    book.active["A2"] = value
    book.active["A2"].number_format = code
    book.active["B1"], book.active["B2"] = "y", "y"
    book.save(folder / "new.xlsx")
    (row,) = read_workbook(folder / "new.xlsx")
    return row.values["x"]


SENT: list[tuple[Any, str, FieldType, Any]] = [
    (" Ñandú ", "General", FieldType.TEXT, "Ñandú"),
    ("1.234,56", "@", FieldType.TEXT, "1.234,56"),
    ("007", "General", FieldType.TEXT, "007"),
    ("7", '"C-"@', FieldType.TEXT, "C-7"),
    ("  ", "General", FieldType.TEXT, None),
    (7, "General", FieldType.TEXT, "7"),
    (123, "00000", FieldType.TEXT, "00123"),
    (66123456, "0000-0000", FieldType.TEXT, "6612-3456"),
    (7501234567890, "0", FieldType.TEXT, "7501234567890"),
    (7, "00000", FieldType.MEASURE, 7),
    (7, "General", FieldType.MONEY, 7),
    (25.0, "0.00", FieldType.MONEY, 25),
    (0.1 + 0.2, "General", FieldType.MONEY, Decimal("0.3")),
    (1234567.89, "General", FieldType.MONEY, Decimal("1234567.89")),
    (1234567.89, "#,##0.00", FieldType.MONEY, Decimal("1234567.89")),
    (-1234.5, '"$"#,##0.00_);[Red]("$"#,##0.00)', FieldType.MONEY, Decimal("-1234.5")),
    (
        5.25,
        r'_("$"* #,##0.00_)_("$"* \(#,##0.00\)_("$"* "-"??_)_(@_)',
        FieldType.MONEY,
        Decimal("5.25"),
    ),
    (5, "[$B/.-180A] #,##0.00", FieldType.MONEY, 5),
    (12.345, "0.000", FieldType.MEASURE, Decimal("12.345")),
    (100000, "0.00E+00", FieldType.MEASURE, 100000),
    (DAY, "yyyy-mm-dd", FieldType.DAY, "2026-03-31"),
    (DAY, "mm-dd-yy", FieldType.DAY, "2026-03-31"),
    (DAY, "dd/mm/yy", FieldType.DAY, "2026-03-31"),
    (DAY, 'd" de "mmmm" de "yyyy', FieldType.DAY, "2026-03-31"),
    (DAY.replace(hour=10), "d/m/yyyy h:mm", FieldType.DAY, "2026-03-31"),
    (date(2026, 3, 31), "dd-mmm-yyyy", FieldType.DAY, "2026-03-31"),
]


@pytest.mark.parametrize(("value", "code", "kind", "sent"), SENT)
def test_sent(tmp_path: Path, value: Any, code: str, kind: FieldType, sent: Any) -> None:
    """What a person sees is what is sent."""
    found = parse_value(_read(tmp_path, value, code), kind)

    assert (found, type(found)) == (sent, type(sent))


UNFIT: list[tuple[Any, str, FieldType, str]] = [
    (100000, "0.00E+00", FieldType.TEXT, "the number 100000, shown as 1.00E+05"),
    (123456789012, "General", FieldType.TEXT, "the number 123456789012, shown as 1.23457E+11"),
    (1234567890123456, "0", FieldType.TEXT, "the number 1234567890123456"),
    (1234, "#,##0", FieldType.TEXT, "the number 1234, shown as 1,234"),
    (1.5, "General", FieldType.TEXT, "the number 1.5, shown as 1.5"),
    (123.4, "0", FieldType.TEXT, "the number 123.4, shown as 123"),
    (12.345, "0.00", FieldType.MEASURE, "holds 12.345 but shows '12.35'"),
    (123456, "0.00E+00", FieldType.MEASURE, "holds 123456 but shows '1.23E+05'"),
    (12000, "#,##0,", FieldType.MONEY, "holds 12000 but shows '12'"),
    (
        12345678.123456,
        "General",
        FieldType.MEASURE,
        "holds 12345678.123456 but shows '12345678.12'",
    ),
    (-5, "0.00;[Red]0.00", FieldType.MONEY, "holds -5 but shows '5.00'"),
    (5, ";;;", FieldType.MONEY, "holds 5 but shows nothing"),
    ("x", ";;;", FieldType.TEXT, "holds 'x', but its format .* hides it"),
    (0.07, "0%", FieldType.MEASURE, "a percentage: the cell holds 0.07 and shows 7%"),
    (7, '0"%"', FieldType.MONEY, "a percentage: the cell holds 7 and shows 7%"),
    (5, "0.00-", FieldType.MONEY, "holds 5 but shows '5.00-'"),
    (1234567890123456, "0", FieldType.MONEY, "more than the 15 digits"),
    (DAY, "d-mmm", FieldType.TEXT, "a date, but the field is text"),
    (DAY, "yyyy-mm-dd", FieldType.TEXT, "a date, but the field is text"),
    (DAY, "d-mmm", FieldType.DAY, "holds 2026-03-31, but .* does not show the whole date"),
    (DAY, "mmm-yy", FieldType.DAY, "does not show the whole date"),
    (DAY, "h:mm", FieldType.DAY, "does not show the whole date"),
    (DAY.replace(year=1930), "dd/mm/yy", FieldType.DAY, "does not show the century"),
    (DAY, "yyyy-mm-dd", FieldType.MONEY, "not a number"),
    (46112, "General", FieldType.DAY, "Not an unambiguous date"),
    (time(10, 30), "h:mm", FieldType.TEXT, "a time without a date"),
    (timedelta(hours=30), "[h]:mm", FieldType.TEXT, "a time without a date"),
    (True, "General", FieldType.TEXT, "true or false"),
    ("#N/A", "General", FieldType.TEXT, "an error"),
]


@pytest.mark.parametrize(("value", "code", "kind", "what"), UNFIT)
def test_unfit(tmp_path: Path, value: Any, code: str, kind: FieldType, what: str) -> None:
    """What is not seen as it is held is a fault with both, and with what to do."""
    with pytest.raises(UnfitValue, match=what.replace("+", r"\+")) as unfit:
        parse_value(_read(tmp_path, value, code), kind)

    assert unfit.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (123, "00000", "00123"),
        (1234.5, "#,##0.00", "1,234.50"),
        (DAY, "mmm-yy", "2026-03-31"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"),
    ],
)
def test_shown_in_a_fault(tmp_path: Path, value: Any, code: str, shown: str) -> None:
    """A fault has the value as a person sees it."""
    assert format_value(_read(tmp_path, value, code)) == shown
