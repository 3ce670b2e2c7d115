"""Which sheets has a workbook, and which cells have they?"""

from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from p4books.push.readers.excel import open_sheets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a workbook."""
    return tmp_path / "new.xlsx"


def places(file: Path) -> list[tuple[int, list[int]]]:
    """Tell for each row of the first sheet its number, and the columns of its cells."""
    with file.open("rb") as stream:
        sheet = open_sheets(stream)[0]
        return [(number, [each["column"] for each in cells]) for number, cells in sheet.rows()]


def test_sheets_in_order(file: Path) -> None:
    """Sheets are named in their order, hidden ones as such, and charts are none."""
    book = Workbook()
    book.active.title = "Prices"
    book.create_sheet("Lists").sheet_state = "hidden"
    book.create_chartsheet("Chart")
    book.create_sheet("Old")
    book.save(file)

    with file.open("rb") as stream:
        found = [(each.name, each.is_visible) for each in open_sheets(stream)]

    assert found == [("Prices", True), ("Lists", False), ("Old", True)]


def test_rows_have_the_numbers_a_person_sees(file: Path) -> None:
    """A row is numbered as in Excel, whatever is missing above it, and has no empty cells."""
    book = Workbook()
    book.active["C3"] = 1
    book.active["A5"] = 2
    book.save(file)

    assert places(file) == [(3, [3]), (5, [1])]


def test_rows_and_cells_without_places(file: Path) -> None:
    """Where the file tells no places, rows and cells are counted."""
    book = Workbook()
    for row in ([1, 2], [3, 4]):
        book.active.append(row)
    book.save(file)
    changed(file, *[f' r="{place}"' for place in ("A1", "B1", "A2", "B2", "2")])

    assert places(file) == [(1, [1, 2]), (2, [1, 2])]


def changed(file: Path, *olds: str) -> None:
    """Take something out of the XML of the first sheet."""
    with ZipFile(file) as zipped:
        parts = {name: zipped.read(name).decode() for name in zipped.namelist()}
    for old in olds:
        assert old in parts["xl/worksheets/sheet1.xml"]
        parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(old, "")
    with ZipFile(file, "w") as zipped:
        for name, body in parts.items():
            zipped.writestr(name, body)
