"""Reader of Excel workbooks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.datavalidation import DataValidation

from p4books.endpoints.definition import FieldType
from p4books.push.errors import BadFile
from p4books.push.readers.excel import open_sheets, read_workbook
from p4books.push.types import FileFormat, SourceRow, TableLayout
from p4books.push.values import UnfitValue, parse_value

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a workbook."""
    return tmp_path / "new.xlsx"


def _save(file: Path, **cells: Any) -> None:
    """Save a workbook with these cells in its only sheet."""
    book = Workbook()
    book.calculation.fullCalcOnLoad = False
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

ROWS = [["code", " Price "], ["A", 15], [None, None], ["B", None]]
READ = [SourceRow(2, {"code": "A", "Price": 15}), SourceRow(4, {"code": "B", "Price": None})]


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
    file = write(Old=[["code"], ["Z"]], Prices=ROWS)

    assert list(read_workbook(file, FileFormat(sheet=name))) == READ


def test_named_hidden_sheet(write: Write) -> None:
    """A hidden sheet is read if it is named."""
    file = write(Old=[["code"]], _new=ROWS)

    assert list(read_workbook(file, FileFormat(sheet="_new"))) == READ


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
        list(read_workbook(write(**sheets), FileFormat(sheet=name)))


BAD_ROWS: list[tuple[list[list[Any]], str]] = [
    ([["code", "code"], ["A", "B"]], "two columns are called code"),
    ([["code", None], ["A", "lost"]], r"column 2 \(B\) has no name in the header, but row 2"),
    ([["code"], ["A", None, 5]], r"column 3 \(C\) has no name in the header, but row 2"),
]


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS)
def test_unreadable_rows(write: Write, rows: list[list[Any]], message: str) -> None:
    """What is wrong is reported with its cell or row, that nothing was sent, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.xlsx: .*{message}") as error:
        list(read_workbook(write(S=rows)))

    assert "Nothing was sent." in str(error.value)


def test_merged_title_above(file: Path) -> None:
    """A title above the columns is not a header, and is reported with what declares the header."""
    book = Workbook()
    for row in (["New customers"], ["code", "name"], ["A", "Acme"]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.save(file)

    with pytest.raises(BadFile, match=r"column 2 \(B\) has no name.*declare it with --header-row"):
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
        return [(number, [cell["column"] for cell in cells]) for number, cells, _ in sheet.rows()]


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


# The header

TITLED: list[list[Any]] = [
    ["New customers", "of March"],
    [],
    ["← Contents", "checked"],
    ["Código", "Nombre"],
    ["A", "Acme"],
]
FIELDS = {"Código", "Nombre", "code", "name"}


def test_header_below_a_title(write: Write) -> None:
    """The header is the first row with names of fields; its row is known."""
    (row,) = read_workbook(write(S=TITLED), is_field=FIELDS.__contains__)

    assert row == SourceRow(5, {"Código": "A", "Nombre": "Acme"})
    assert row.layout == TableLayout(4, "S", {"Código": "A", "Nombre": "B"})


def test_first_row_with_a_field(write: Write) -> None:
    """A first row with the name of a field is the header, whatever comes below it."""
    rows = read_workbook(write(S=[["code", "x"], ["code", "name"]]), is_field=FIELDS.__contains__)

    assert list(rows) == [SourceRow(2, {"code": "code", "x": "name"})]


def test_declared_header(write: Write) -> None:
    """The row of the header can be declared, whatever its names are."""
    rows = read_workbook(write(S=TITLED), FileFormat(header_row=3), FIELDS.__contains__)

    assert [row.values for row in rows] == [
        {"← Contents": "Código", "checked": "Nombre"},
        {"← Contents": "A", "checked": "Acme"},
    ]


@pytest.mark.parametrize("number", [2, 9])
def test_declared_header_is_empty(write: Write, number: int) -> None:
    """A declared header that is empty is reported."""
    with pytest.raises(BadFile, match=f"row {number} of the sheet S is empty"):
        list(read_workbook(write(S=TITLED), FileFormat(header_row=number)))


# What a person does not see


def test_hidden_rows(file: Path) -> None:
    """Rows that are hidden, by hand or by a filter, are marked; the header is one that is seen."""
    book = Workbook()
    for row in (["old"], ["code"], ["A"], ["B"], ["C"], ["D"]):
        book.active.append(row)
    for number in (1, 4):
        book.active.row_dimensions[number].hidden = True
    book.save(file)
    _edit_sheet(file, '<row r="6"', '<row r="6" ht="0" customHeight="1"')

    rows = [(row.values["code"], row.is_hidden) for row in read_workbook(file)]

    assert rows == [("A", False), ("B", True), ("C", False), ("D", True)]


def test_hidden_rows_only(file: Path) -> None:
    """A sheet of which nothing is seen is reported as such."""
    _save(file, A1="code", A2="A")
    for number in (1, 2):
        _edit_sheet(file, f'<row r="{number}"', f'<row r="{number}" hidden="1"')

    with pytest.raises(BadFile, match="the sheet Sheet has hidden rows only"):
        list(read_workbook(file))


def test_hidden_columns(file: Path) -> None:
    """Columns that are hidden are left out, without regard to their names, and are known."""
    book = Workbook()
    book.active.append(["code", "code", "Estado", "name"])
    book.active.append(["A", "x", "ok", "Acme"])
    book.active["Z2"] = "far"
    book.active.column_dimensions.group("B", "C", hidden=True)
    book.active.column_dimensions.group("Z", "XFD", hidden=True)
    book.save(file)

    (row,) = read_workbook(file)

    assert row == SourceRow(2, {"code": "A", "name": "Acme"})
    assert row.layout is not None
    assert row.layout.hidden == ("code", "Estado")
    assert row.layout.cell(2, "name") == "Sheet!D2"


@pytest.mark.parametrize(("name", "cell"), [("New 2", "'New 2'!A7"), ("Año", "Año!A7")])
def test_cell_address(name: str, cell: str) -> None:
    """The address of a cell is as a spreadsheet writes it."""
    assert TableLayout(1, name, {"code": "A"}).cell(7, "code") == cell
    assert TableLayout(1, name, {"code": "A"}).cell(7, "price") == ""
    assert TableLayout(1).cell(7, "code") == ""


def _faults(file: Path, column: str) -> list[str]:
    """Return what is wrong with the values of a column, as texts; empty if nothing is."""
    faults = []
    for row in read_workbook(file):
        try:
            parse_value(row.values[column], FieldType.TEXT)
            faults.append("")
        except UnfitValue as unfit:
            faults.append(unfit.what)
    return faults


def test_merged_rows(file: Path) -> None:
    """It is not guessed to which rows or columns the value of merged cells belongs."""
    book = Workbook()
    for row in (["code", "name", "city"], ["A", "x", "y"], [None, "z", None], ["B", "w", None]):
        book.active.append(row)
    for cells in ("A2:A3", "B4:C4", "E1:F1"):
        book.active.merge_cells(cells)
    book.save(file)

    assert ["A2:A3 are merged" in fault for fault in _faults(file, "code")] == [True, False, False]
    assert ["B4:C4 are merged" in fault for fault in _faults(file, "name")] == [False, False, True]


def test_merged_with_columns_without_names(file: Path) -> None:
    """A value in cells that are merged as those of its header are is clear."""
    book = Workbook()
    for row in (["code", "name", None], ["A", "Acme", None]):
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("B2:C2")
    book.save(file)

    assert list(read_workbook(file)) == [SourceRow(2, {"code": "A", "name": "Acme"})]


def test_merged_cells_at_the_end_of_a_large_sheet(file: Path) -> None:
    """Merged cells are found after any number of rows."""
    _save(file, A1="code", **{f"A{number}": "x" for number in range(2, 3_000)})
    merged = "".join(f'<mergeCell ref="A{n}:A{n + 1}"/>' for n in range(2, 3_000, 2))
    _edit_sheet(file, "</sheetData>", f"</sheetData><mergeCells>{merged}</mergeCells>")

    faults = [fault for fault in _faults(file, "code") if fault]

    assert len(faults) == 1_499
    assert "A2998:A2999 are merged" in faults[-1]


# Formulas


@pytest.mark.parametrize(
    ("cached", "shown"),
    [
        ('<c r="A2"><f>1+1</f><v>2</v></c>', 2),
        ('<c r="A2" t="str"><f>B1</f><v>x</v></c>', "x"),
    ],
)
def test_formula_with_a_cached_value(file: Path, cached: str, shown: Any) -> None:
    """A formula has its cached value, unless the workbook says that it was not calculated."""
    book = Workbook()
    for row in (["code", "name"], ["=1+1", "y"]):
        book.active.append(row)
    for is_stale in (True, False):
        book.calculation.fullCalcOnLoad = is_stale
        book.save(file)
        _edit_sheet(file, '<c r="A2"><f>1+1</f><v /></c>', cached)
        if is_stale:
            assert "was not calculated when the workbook was saved" in _faults(file, "code")[0]

    assert list(read_workbook(file)) == [SourceRow(2, {"code": shown, "name": "y"})]


def test_formula_of_an_empty_text(file: Path) -> None:
    """A formula whose value is an empty text is an empty cell."""
    _save(file, A1="code", B1="name", A2="=B1", B2="y")
    _edit_sheet(file, '<c r="A2"><f>B1</f><v /></c>', "<c r='A2' t='str'><f>B1</f><v></v></c>")

    assert list(read_workbook(file)) == [SourceRow(2, {"code": None, "name": "y"})]


@pytest.mark.parametrize("value", ["=1+1", "#N/A", "#REF!", "#DIV/0!"])
def test_cells_without_value(file: Path, value: str) -> None:
    """An error, or a formula that was never calculated, is a fault of its cell, not of the file."""
    _save(file, A1="code", B1="price", A2="A", B2=value, A3="B", B3=1)

    what = "a formula without a cached value" if value[0] == "=" else rf"error ({value})"
    assert [what in fault for fault in _faults(file, "price")] == [True, False]


def test_zeros_that_are_not_shown(file: Path) -> None:
    """A zero in a sheet that does not show zeros looks like an empty cell."""
    book = Workbook()
    for row in (["code"], [0], [1]):
        book.active.append(row)
    book.active.sheet_view.showZeros = False
    book.save(file)

    assert ["does not show zeros" in fault for fault in _faults(file, "code")] == [True, False]
