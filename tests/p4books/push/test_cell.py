"""What stands in a cell of a workbook?"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from p4books.push.readers.excel import CellWithoutValue, display_value, open_sheets


def read(file: Path) -> list[tuple[int, list[Any]]]:
    """Read all cells of the first sheet of a workbook."""
    with file.open("rb") as stream:
        (sheet,) = open_sheets(stream)
        return [(n, [display_value(one) for one in cells]) for n, cells in sheet.rows()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a workbook."""
    return tmp_path / "new.xlsx"


WRITTEN = [
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


@pytest.mark.parametrize(("written", "found"), WRITTEN)
def test_a_value(file: Path, written: Any, found: Any) -> None:
    """A value is what a person sees: no float, and a day without its midnight."""
    made = Workbook()
    made.active["A1"] = written
    made.save(file)

    ((number, (value,)),) = read(file)

    assert number == 1
    assert value == found
    assert type(value) is type(found)


def test_a_blank_text(file: Path) -> None:
    """A text of blanks is none."""
    made = Workbook()
    made.active.append(["  "])
    made.save(file)

    assert read(file) == [(1, [None])]


def rewritten(file: Path, old: str, new: str) -> None:
    """Change the XML of the first sheet."""
    with ZipFile(file) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet].decode()
    parts[sheet] = parts[sheet].decode().replace(old, new).encode()
    with ZipFile(file, "w") as zipped:
        for name, body in parts.items():
            zipped.writestr(name, body)


def test_a_formula_never_reckoned(file: Path) -> None:
    """A formula without a value is not an empty cell: it is told with its place."""
    made = Workbook()
    made.active["B3"] = "=1+1"
    made.save(file)

    with pytest.raises(CellWithoutValue, match="the cell B3 has a formula that was never reckoned"):
        read(file)


@pytest.mark.parametrize(
    ("cached", "found"),
    [("<c r='B3'><f>1+1</f><v>2</v></c>", [2]), ("<c r='B3' t='str'><f>A1</f><v></v></c>", [])],
)
def test_a_formula_with_its_value(file: Path, cached: str, found: list[Any]) -> None:
    """A formula that was reckoned is its value, an empty text too."""
    made = Workbook()
    made.active["B3"] = "=1+1"
    made.save(file)
    rewritten(file, '<c r="B3"><f>1+1</f><v /></c>', cached)

    assert read(file) == [(3, found)]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_an_error(file: Path, error: str) -> None:
    """A cell that shows an error is told with its place."""
    made = Workbook()
    made.active["AB2"] = error
    made.save(file)

    with pytest.raises(CellWithoutValue, match=rf"the cell AB2 has an error in it \({error}\)"):
        read(file)
