"""How is a CSV file read?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.text import read_csv
from p4books.push.types import SourceRow

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file."""

    def write(body: str | bytes) -> Path:
        file = tmp_path / "new.csv"
        file.write_bytes(body if isinstance(body, bytes) else body.encode())
        return file

    return write


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_of_each_make(write: Write, delimiter: str, end: str, mark: str) -> None:
    """Whatever delimiter, line end and byte order mark: the same rows, at the same lines."""
    lines = ["code;Name", "A;Ñandú", "", " B ; ", ";"]

    rows = list(read_csv(write(mark + end.join(lines).replace(";", delimiter))))

    assert rows == [
        SourceRow(2, {"code": "A", "Name": "Ñandú"}),
        SourceRow(4, {"code": "B", "Name": None}),
    ]


def test_values_are_texts_as_written(write: Write) -> None:
    """No number is guessed: what it means is for who checks it."""
    file = write("code;price;on\n007;1.234,56;31/03/2026\n1e5;=1+1;TRUE\n")

    assert [list(row.values.values()) for row in read_csv(file)] == [
        ["007", "1.234,56", "31/03/2026"],
        ["1e5", "=1+1", "TRUE"],
    ]


def test_quotes(write: Write) -> None:
    """Quotes hold delimiters, line ends and quotes; a row is numbered by where it begins."""
    file = write('code,name\nA,"Widget, ""red""\nand\r\nblue"\nB,Pipe 5"\nC, "x, y"\n')

    assert list(read_csv(file)) == [
        SourceRow(2, {"code": "A", "name": 'Widget, "red"\nand\r\nblue'}),
        SourceRow(5, {"code": "B", "name": 'Pipe 5"'}),
        SourceRow(6, {"code": "C", "name": "x, y"}),
    ]


@pytest.mark.parametrize(
    ("top", "names"),
    [
        ("code;name, first", ["code", "name, first"]),
        ('"a,b,c";name', ["a,b,c", "name"]),
        ("code", ["code"]),
        ("sep=;\ncode;a,b,c", ["code", "a,b,c"]),
        ("\n\n code , name ", ["code", "name"]),
    ],
)
def test_the_header(write: Write, top: str, names: list[str]) -> None:
    """The delimiter is what parts the header, unless the file tells it."""
    (row,) = read_csv(write(top + "\nA\n"))

    assert list(row.values) == names
    assert row.number == top.count("\n") + 2


BAD = [
    ("", "it is empty"),
    (" \n\n", "it is empty"),
    ("sep=;\n", "it is empty"),
    (",,\n , \n", "it is empty"),
    ("code,code\nA,B\n", "two columns are called code"),
    ("code, code \nA,B\n", "two columns are called code"),
    ("code,,\nA,,\nB,,lost\n", r"column 3 \(C\) has no name in the header, and line 3"),
    ("code,name\nA,a\n\nB,Widget, red\n", "line 4 has 3 fields, and the header 2"),
    ("code,name\nA,a,\n", "line 2 has 3 fields, and the header 2"),
    ('code,name\n"A\nB",a\nC,"Widget\nD,d\n', "begins in line 4 is never closed"),
    ('code,name\nA,"Widget\nB,"Gadget"\n', "begins in line 2 something stands after a closing"),
    ('code,name\nA,"Widget\n' + "B,b\n" * 100_000, "begins in line 2 is never closed"),
    ("code\nA\nÑ\n".encode("cp1252"), "line 3 is not UTF-8"),
    ("code\nA\n".encode("utf-16"), "it is written in UTF-16"),
    (b"PK\x03\x04\x00\x00", "line 1 holds a NUL byte"),
]


@pytest.mark.parametrize(("body", "said"), BAD)
def test_what_can_not_be_read(write: Write, body: str | bytes, said: str) -> None:
    """What is wrong is told with its line, that nothing was sent, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.csv: .*{said}.*\. Nothing was sent\. \w.*\.$"):
        list(read_csv(write(body)))


def test_a_header_only(write: Write) -> None:
    """A file without rows has none."""
    assert list(read_csv(write("code,name\n"))) == []


def test_a_long_file(write: Write) -> None:
    """A hundred thousand lines are read to the last."""
    rows = read_csv(write("code,name\n" + "".join(f"{n},Name {n}\n" for n in range(100_000))))

    assert sum(row.values["code"] == str(row.number - 2) for row in rows) == 100_000
