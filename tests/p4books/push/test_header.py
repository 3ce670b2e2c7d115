"""What are the columns of a file called?"""

from pathlib import Path

import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.rows import parse_header
from p4books.push.types import SourceRow

FILE = Path("new.csv")


def test_names_are_trimmed() -> None:
    """A name stands as the file spells it, but for the blanks around it."""
    assert parse_header(FILE, [" Code ", "Unit Price"], "line").names == ("Code", "Unit Price")


@pytest.mark.parametrize("written", [["code", "name", "code"], ["code", " code\t"]])
def test_twice_the_same(written: list[str]) -> None:
    """Of two columns with one name nobody knows which is meant."""
    with pytest.raises(BadFile, match=r"new\.csv: two columns are called code\. Nothing was sent"):
        parse_header(FILE, written, "line")


@pytest.mark.parametrize("written", [[], ["", " "], [None, None]])
def test_no_name_at_all(written: list[str | None]) -> None:
    """A file without a name over any column has no header."""
    with pytest.raises(BadFile, match="it has no header"):
        parse_header(FILE, written, "line")


def test_a_row_by_its_names() -> None:
    """Values stand below their names; what a short row lacks is None."""
    head = parse_header(FILE, ["code", "name", ""], "line")

    assert head.build_row(7, ["A", None, None]) == SourceRow(7, {"code": "A", "name": None})
    assert head.build_row(8, ["B"]) == SourceRow(8, {"code": "B", "name": None})


def test_an_empty_row() -> None:
    """A row in which nothing stands is no row."""
    assert parse_header(FILE, ["code", "name"], "line").build_row(7, [None, None]) is None


@pytest.mark.parametrize(("column", "said"), [(1, r"column 2 \(B\)"), (27, r"column 28 \(AB\)")])
def test_a_value_without_a_name(column: int, said: str) -> None:
    """A value below no name is never dropped: the column and its place are told."""
    head = parse_header(FILE, ["code"], "row")

    with pytest.raises(BadFile, match=rf"{said} has no name in the header, and row 9 has 'lost'"):
        head.build_row(9, [*[None] * column, "lost"])
