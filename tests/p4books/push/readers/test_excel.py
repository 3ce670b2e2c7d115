"""Reader of Excel workbooks."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.datavalidation import DataValidation

from p4books.push.errors import BadFile
from p4books.push.readers.excel import (
    CellWithoutValue,
    display_value,
    open_sheets,
    read_workbook,
)
from p4books.push.types import SourceRow

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a workbook."""
    return tmp_path / "new.xlsx"


def _save(file: Path, **cells: Any) -> None:
    """Save a workbook with these cells in its only sheet."""
    book = Workbook()
    for name, value in cells.items():
        book.active[name] = value
    book.save(file)


def _edit_parts(file: Path, edit: Callable[[dict[str, bytes]], None]) -> None:
    """Edit the parts of a workbook by their names."""
    with ZipFile(file) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    edit(parts)
    with ZipFile(file, "w") as zipped:
        for name, body in parts.items():
            zipped.writestr(name, body)


def _edit_sheet(file: Path, old: str, new: str) -> None:
    """Replace something in the XML of the first sheet."""
    sheet = "xl/worksheets/sheet1.xml"

    def edit(parts: dict[str, bytes]) -> None:
        assert old.encode() in parts[sheet]
        parts[sheet] = parts[sheet].replace(old.encode(), new.encode())

    _edit_parts(file, edit)


def _remove_part(name: str) -> Callable[[Path], None]:
    """Remove a part of a workbook."""
    return lambda file: _edit_parts(file, lambda parts: parts.__delitem__(name))


# Sheets and their rows

ROWS = [["code", " Price "], ["A", 1.5], [None, None], ["B", None]]
READ = [SourceRow(2, {"code": "A", "Price": 1.5}), SourceRow(4, {"code": "B", "Price": None})]


@pytest.fixture
def write(file: Path) -> Write:
    """Write a workbook with rows in its sheets; names of hidden sheets begin with _."""

    def write(**sheets: list[list[Any]]) -> Path:
        book = Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            sheet.sheet_state = "hidden" if name.startswith("_") else "visible"
            for row in rows:
                sheet.append(row)
        book.save(file)
        return file

    return write


def test_only_sheet_with_rows(write: Write) -> None:
    """Empty and hidden sheets are ignored; a row is numbered as in Excel."""
    file = write(Blank=[[" "]], _lists=ROWS, Prices=ROWS, Sheet3=[])

    assert list(read_workbook(file)) == READ


@pytest.mark.parametrize("name", ["Prices", " prices "])
def test_named_sheet(write: Write, name: str) -> None:
    """The name of a sheet is matched regardless of case and spaces around it."""
    assert list(read_workbook(write(Old=[["code"], ["Z"]], Prices=ROWS), name)) == READ


def test_named_hidden_sheet(write: Write) -> None:
    """A hidden sheet is read if it is named."""
    assert list(read_workbook(write(Old=[["code"]], _new=ROWS), "_new")) == READ


SHEETS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"Old": ROWS, "New": ROWS}, None, "several sheets have rows: Old, New.*with --sheet"),
    ({"Old": [], "_new": ROWS}, None, r"none of its sheets has rows \(hidden ones"),
    ({"Old": []}, None, r"none of its sheets has rows\. Nothing"),
    ({"Prices": ROWS}, "Price", "Unknown sheet 'Price'. Did you mean 'Prices'?"),
    ({"Prices": ROWS}, "x", "Unknown sheet 'x'. Available: Prices."),
    ({"Prices": ROWS, "New": []}, "New", "the sheet New is empty"),
]


@pytest.mark.parametrize(("sheets", "name", "message"), SHEETS)
def test_ambiguous_sheet(
    write: Write, sheets: dict[str, Any], name: str | None, message: str
) -> None:
    """It is never guessed which sheet to read."""
    with pytest.raises(BadFile, match=message):
        list(read_workbook(write(**sheets), name))


BAD_ROWS: list[tuple[list[list[Any]], str]] = [
    ([["code", "code"], ["A", "B"]], "two columns are called code"),
    ([["code", None], ["A", "lost"]], r"column 2 \(B\) has no name in the header, but row 2"),
    ([["code"], ["A", None, 5]], r"column 3 \(C\) has no name in the header, but row 2"),
    ([["code", "price"], ["A", "=1+1"]], "the cell B2 has a formula.*Open it in Excel and save"),
    ([["code", "price"], ["A", "#N/A"]], r"the cell B2 contains an error \(#N/A\)"),
    ([["code", "price"], ["A", 1], ["#REF!"]], r"the cell A3 contains an error \(#REF!\)"),
]


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS)
def test_unreadable_rows(write: Write, rows: list[list[Any]], message: str) -> None:
    """What is wrong is reported with its cell or row, that nothing was sent, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.xlsx: .*{message}") as error:
        list(read_workbook(write(S=rows)))

    assert "Nothing was sent." in str(error.value)


def test_merged_title_above(file: Path) -> None:
    """A title above the columns is not a header, and is reported as such."""
    book = Workbook()
    for row in (["New customers"], ["code", "name"], ["A", "Acme"]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.save(file)

    with pytest.raises(BadFile, match=r"column 2 \(B\) has no name in the header, but row 2"):
        list(read_workbook(file))


def test_wrong_dimension(write: Write) -> None:
    """A sheet is read to its end even if the file says that it is smaller."""
    file = write(S=ROWS)
    _edit_sheet(file, '<dimension ref="A1:B4" />', '<dimension ref="A1" />')

    assert list(read_workbook(file)) == READ


def test_data_validation(file: Path) -> None:
    """A workbook with drop-down lists is read without a warning about them."""
    book = Workbook()
    for row in ROWS:
        book.active.append(row)
    rule = DataValidation(type="list", formula1='"A,B"')
    rule.add("A2:A9")
    book.active.add_data_validation(rule)
    book.save(file)
    _edit_sheet(
        file,
        "</worksheet>",
        '<extLst><ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>',
    )

    assert list(read_workbook(file)) == READ


DAMAGES: dict[str, Callable[[Path], object]] = {
    "text": lambda file: file.write_text("code,name\nA,B\n"),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:3000]),
    "no sheet": _remove_part("xl/worksheets/sheet1.xml"),
    "no workbook": _remove_part("xl/workbook.xml"),
    "no types": _remove_part("[Content_Types].xml"),
    "XML cut": lambda file: _edit_sheet(file, "</sheetData>", ""),
    "bad encoding": lambda file: _edit_sheet(
        file, "<worksheet", "<?xml version='1.0' encoding='UTF-z'?><worksheet"
    ),
    "bad place": lambda file: _edit_sheet(file, 'r="A2"', 'r="??"'),
    "bad text": lambda file: _edit_sheet(file, 't="inlineStr"><is><t>A</t></is>', 't="s"><v>9</v>'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_workbook(write: Write, damage: str) -> None:
    """However it is damaged, it is reported as that, and what to do."""
    file = write(S=ROWS)
    DAMAGES[damage](file)

    with pytest.raises(BadFile, match=r"not a workbook, or is damaged \(.*save it again\."):
        list(read_workbook(file))


def test_password(file: Path) -> None:
    """A workbook with a password, or from before Excel 2007, is reported as such."""
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000)

    with pytest.raises(BadFile, match=r"it has a password, or .* without a password"):
        list(read_workbook(file))


# Positions of cells


def _cell_columns(file: Path) -> list[tuple[int, list[int]]]:
    """Return for each row of the first sheet its number, and the columns of its cells."""
    with file.open("rb") as stream:
        sheet = open_sheets(stream)[0]
        return [(number, [cell["column"] for cell in cells]) for number, cells in sheet.rows()]


def test_open_sheets(file: Path) -> None:
    """Sheets are in their order, hidden ones as such, without charts."""
    book = Workbook()
    book.active.title = "Prices"
    book.create_sheet("Lists").sheet_state = "hidden"
    book.create_chartsheet("Chart")
    book.create_sheet("Old")
    book.save(file)

    with file.open("rb") as stream:
        sheets = [(sheet.name, sheet.is_visible) for sheet in open_sheets(stream)]

    assert sheets == [("Prices", True), ("Lists", False), ("Old", True)]


def test_row_numbers(file: Path) -> None:
    """A row is numbered as in Excel, whatever is missing above it, and has no empty cells."""
    _save(file, C3=1, A5=2)

    assert _cell_columns(file) == [(3, [3]), (5, [1])]


def test_rows_and_cells_without_positions(file: Path) -> None:
    """If the file has no positions, rows and cells are counted."""
    _save(file, A1=1, B1=2, A2=3, B2=4)
    for position in ("A1", "B1", "A2", "B2", "2"):
        _edit_sheet(file, f' r="{position}"', "")

    assert _cell_columns(file) == [(1, [1, 2]), (2, [1, 2])]


# Values of cells


def _read_cells(file: Path) -> list[tuple[int, list[Any]]]:
    """Return the values in the only sheet of a workbook, by row."""
    with file.open("rb") as stream:
        (sheet,) = open_sheets(stream)
        return [(n, [display_value(cell) for cell in cells]) for n, cells in sheet.rows()]


VALUES = [
    (" Ñandú ", "Ñandú"),
    ("1.234,56", "1.234,56"),
    ("007", "007"),
    (7, 7),
    (25.0, 25),
    (1e20, 10**20),
    (0.1 + 0.2, Decimal("0.3")),
    (1234567.891, Decimal("1234567.891")),
    (-0.07, Decimal("-0.07")),
    (True, True),
    (date(2026, 3, 31), date(2026, 3, 31)),
    (datetime(2026, 3, 31), date(2026, 3, 31)),  # noqa: DTZ001 - a cell has no zone
    (datetime(2026, 3, 31, 10, 30), datetime(2026, 3, 31, 10, 30)),  # noqa: DTZ001
    (time(10, 30), "10:30:00"),
    (timedelta(hours=30), "1 day, 6:00:00"),
]


@pytest.mark.parametrize(("written", "shown"), VALUES)
def test_value(file: Path, written: Any, shown: Any) -> None:
    """A value is what a person sees: not a float, and a date without its midnight."""
    _save(file, A1=written)

    ((number, (value,)),) = _read_cells(file)

    assert number == 1
    assert value == shown
    assert type(value) is type(shown)


def test_blank_text(file: Path) -> None:
    """A text of spaces is empty."""
    _save(file, A1="  ")

    assert _read_cells(file) == [(1, [None])]


def test_formula_without_a_cached_value(file: Path) -> None:
    """A formula without a cached value is not an empty cell: it is reported with its place."""
    _save(file, B3="=1+1")

    with pytest.raises(CellWithoutValue, match="the cell B3 has a formula without a cached value"):
        _read_cells(file)


@pytest.mark.parametrize(
    ("cached", "values"),
    [("<c r='B3'><f>1+1</f><v>2</v></c>", [2]), ("<c r='B3' t='str'><f>A1</f><v></v></c>", [])],
)
def test_formula_with_a_cached_value(file: Path, cached: str, values: list[Any]) -> None:
    """A formula has its cached value, even if that is an empty text."""
    _save(file, B3="=1+1")
    _edit_sheet(file, '<c r="B3"><f>1+1</f><v /></c>', cached)

    assert _read_cells(file) == [(3, values)]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_error_in_a_cell(file: Path, error: str) -> None:
    """A cell that shows an error is reported with its place."""
    _save(file, AB2=error)

    with pytest.raises(CellWithoutValue, match=rf"the cell AB2 contains an error \({error}\)"):
        _read_cells(file)
