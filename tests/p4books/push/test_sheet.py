"""Which sheet of a workbook is read, and which rows has it?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.datavalidation import DataValidation

from p4books.push.errors import BadFile
from p4books.push.readers.excel import read_workbook
from p4books.push.types import SourceRow

Write = Callable[..., Path]

ROWS = [["code", " Price "], ["A", 1.5], [None, None], ["B", None]]
READ = [SourceRow(2, {"code": "A", "Price": 1.5}), SourceRow(4, {"code": "B", "Price": None})]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a workbook with these rows in its sheets; the names of hidden ones begin with _."""

    def write(**sheets: list[list[Any]]) -> Path:
        book = Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            sheet.sheet_state = "hidden" if name.startswith("_") else "visible"
            for row in rows:
                sheet.append(row)
        file = tmp_path / "new.xlsx"
        book.save(file)
        return file

    return write


def test_the_only_sheet_with_rows(write: Write) -> None:
    """Empty sheets and hidden ones are passed by; a row is numbered as in Excel."""
    file = write(Blank=[[" "]], _lists=ROWS, Prices=ROWS, Sheet3=[])

    assert list(read_workbook(file)) == READ


@pytest.mark.parametrize("name", ["Prices", " prices "])
def test_the_named_sheet(write: Write, name: str) -> None:
    """A sheet is named however its letters are written."""
    assert list(read_workbook(write(Old=[["code"], ["Z"]], Prices=ROWS), name)) == READ


def test_a_hidden_sheet_that_is_named(write: Write) -> None:
    """Who names a hidden sheet gets it."""
    assert list(read_workbook(write(Old=[["code"]], _new=ROWS), "_new")) == READ


SHEETS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"Old": ROWS, "New": ROWS}, None, "several sheets have rows: Old, New.*with --sheet"),
    ({"Old": [], "_new": ROWS}, None, r"none of its sheets has rows \(hidden ones"),
    ({"Old": []}, None, r"none of its sheets has rows\. Nothing"),
    ({"Prices": ROWS}, "Price", "Unknown sheet 'Price'. Did you mean 'Prices'?"),
    ({"Prices": ROWS}, "x", "Unknown sheet 'x'. Available: Prices."),
    ({"Prices": ROWS, "New": []}, "New", "the sheet New is empty"),
]


@pytest.mark.parametrize(("sheets", "name", "said"), SHEETS)
def test_no_sheet(write: Write, sheets: dict[str, Any], name: str | None, said: str) -> None:
    """Which sheet is meant is never guessed."""
    with pytest.raises(BadFile, match=said):
        list(read_workbook(write(**sheets), name))


BAD_ROWS: list[tuple[list[list[Any]], str]] = [
    ([["code", "code"], ["A", "B"]], "two columns are called code"),
    ([["code", None], ["A", "lost"]], r"column 2 \(B\) has no name in the header, and row 2"),
    ([["code"], ["A", None, 5]], r"column 3 \(C\) has no name in the header, and row 2"),
    ([["code", "price"], ["A", "=1+1"]], "the cell B2 has a formula.*Open it in Excel and save"),
    ([["code", "price"], ["A", "#N/A"]], r"the cell B2 has an error in it \(#N/A\)"),
    ([["code", "price"], ["A", 1], ["#REF!"]], r"the cell A3 has an error in it \(#REF!\)"),
]


@pytest.mark.parametrize(("rows", "said"), BAD_ROWS)
def test_rows_that_can_not_be_read(write: Write, rows: list[list[Any]], said: str) -> None:
    """What is wrong is told with its cell or row, that nothing was sent, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.xlsx: .*{said}") as error:
        list(read_workbook(write(S=rows)))

    assert "Nothing was sent." in str(error.value)


def test_a_merged_title_above(tmp_path: Path) -> None:
    """A title over the columns is no header, and is told as such."""
    book = Workbook()
    for row in (["New customers"], ["code", "name"], ["A", "Acme"]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.save(tmp_path / "new.xlsx")

    with pytest.raises(BadFile, match=r"column 2 \(B\) has no name in the header, and row 2"):
        list(read_workbook(tmp_path / "new.xlsx"))


def test_a_size_that_is_wrong(write: Write) -> None:
    """A sheet is read whole though the file says that it is smaller."""
    file = write(S=ROWS)
    changed(file, b'<dimension ref="A1:B4" />', b'<dimension ref="A1" />')

    assert list(read_workbook(file)) == READ


def changed(file: Path, old: bytes, new: bytes) -> None:
    """Change the XML of the first sheet."""
    with ZipFile(file) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet]
    parts[sheet] = parts[sheet].replace(old, new)
    with ZipFile(file, "w") as zipped:
        for name, body in parts.items():
            zipped.writestr(name, body)


def test_what_openpyxl_would_lose(tmp_path: Path) -> None:
    """A workbook with lists to choose from is read without a word about them."""
    book = Workbook()
    for row in ROWS:
        book.active.append(row)
    rule = DataValidation(type="list", formula1='"A,B"')
    rule.add("A2:A9")
    book.active.add_data_validation(rule)
    book.save(tmp_path / "new.xlsx")
    changed(
        tmp_path / "new.xlsx",
        b"</worksheet>",
        b'<extLst><ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>',
    )

    assert list(read_workbook(tmp_path / "new.xlsx")) == READ


def without(part: str) -> Callable[[Path], None]:
    """Take a part out of a workbook."""

    def change(file: Path) -> None:
        with ZipFile(file) as zipped:
            parts = {name: zipped.read(name) for name in zipped.namelist()}
        del parts[part]
        with ZipFile(file, "w") as zipped:
            for name, body in parts.items():
                zipped.writestr(name, body)

    return change


BREAKS: dict[str, Callable[[Path], object]] = {
    "text": lambda file: file.write_text("code,name\nA,B\n"),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:3000]),
    "no sheet": without("xl/worksheets/sheet1.xml"),
    "no workbook": without("xl/workbook.xml"),
    "no types": without("[Content_Types].xml"),
    "XML cut": lambda file: changed(file, b"</sheetData>", b""),
    "bad encoding": lambda file: changed(
        file, b"<worksheet", b"<?xml version='1.0' encoding='UTF-z'?><worksheet"
    ),
    "bad place": lambda file: changed(file, b'r="A2"', b'r="??"'),
    "bad text": lambda file: changed(file, b't="inlineStr"><is><t>A</t></is>', b't="s"><v>9</v>'),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_workbook(write: Write, how: str) -> None:
    """However it is broken, it is told as that, and what to do."""
    file = write(S=ROWS)
    BREAKS[how](file)

    with pytest.raises(BadFile, match=r"no workbook, or a broken one \(.*save it anew\."):
        list(read_workbook(file))


def test_a_password(tmp_path: Path) -> None:
    """A workbook with a password, or of old, is told as that."""
    (tmp_path / "new.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000)

    with pytest.raises(BadFile, match=r"it has a password, or .* without a password"):
        list(read_workbook(tmp_path / "new.xlsx"))
