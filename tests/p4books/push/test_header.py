"""What are the columns of a file called?"""

from pathlib import Path

import pytest

from p4books.push.errors import BadFile
from p4books.push.header import header
from p4books.push.row import Row

FILE = Path("new.csv")


def test_names_are_trimmed() -> None:
    """A name stands as the file spells it, but for the blanks around it."""
    assert header(FILE, [" Code ", "Unit Price"], "line").names == ("Code", "Unit Price")


@pytest.mark.parametrize("written", [["code", "name", "code"], ["code", " code\t"]])
def test_twice_the_same(written: list[str]) -> None:
    """Of two columns with one name nobody knows which is meant."""
    with pytest.raises(BadFile, match=r"new\.csv: two columns are called code\. Nothing was sent"):
        header(FILE, written, "line")


@pytest.mark.parametrize("written", [[], ["", " "], [None, None]])
def test_no_name_at_all(written: list[str | None]) -> None:
    """A file without a name over any column has no header."""
    with pytest.raises(BadFile, match="it has no header"):
        header(FILE, written, "line")


def test_a_row_by_its_names() -> None:
    """Values stand below their names; what a short row lacks is None."""
    head = header(FILE, ["code", "name", ""], "line")

    assert head.row(7, ["A", None, None]) == Row(7, {"code": "A", "name": None})
    assert head.row(8, ["B"]) == Row(8, {"code": "B", "name": None})


def test_an_empty_row() -> None:
    """A row in which nothing stands is no row."""
    assert header(FILE, ["code", "name"], "line").row(7, [None, None]) is None


@pytest.mark.parametrize(("column", "said"), [(1, r"column 2 \(B\)"), (27, r"column 28 \(AB\)")])
def test_a_value_without_a_name(column: int, said: str) -> None:
    """A value below no name is never dropped: the column and its place are told."""
    head = header(FILE, ["code"], "row")

    with pytest.raises(BadFile, match=rf"{said} has no name in the header, and row 9 has 'lost'"):
        head.row(9, [*[None] * column, "lost"])
