"""Readers of CSV and JSON files."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.text import read_csv, read_json, read_ndjson
from p4books.push.types import FileFormat, SourceRow

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file."""

    def write(body: str | bytes) -> Path:
        file = tmp_path / "new.txt"
        file.write_bytes(body if isinstance(body, bytes) else body.encode())
        return file

    return write


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_dialects(write: Write, delimiter: str, end: str, mark: str) -> None:
    """Whatever delimiter, line end and byte order mark: the same rows, at the same lines."""
    lines = ["code;Name", "A;Ñandú", "", " B ; ", ";"]

    rows = list(read_csv(write(mark + end.join(lines).replace(";", delimiter))))

    assert rows == [
        SourceRow(2, {"code": "A", "Name": "Ñandú"}),
        SourceRow(4, {"code": "B", "Name": None}),
    ]


def test_values_are_text(write: Write) -> None:
    """Numbers and dates are not guessed: validation interprets them."""
    file = write("code;price;on\n007;1.234,56;31/03/2026\n1e5;=1+1;TRUE\n")

    assert [list(row.values.values()) for row in read_csv(file)] == [
        ["007", "1.234,56", "31/03/2026"],
        ["1e5", "=1+1", "TRUE"],
    ]


def test_quotes(write: Write) -> None:
    """Quoted values can contain delimiters, line ends and quotes; a row has its first line."""
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
def test_csv_header(write: Write, top: str, names: list[str]) -> None:
    """The delimiter is the one that splits the header, unless the file declares it."""
    (row,) = read_csv(write(top + "\nA\n"))

    assert list(row.values) == names
    assert row.number == top.count("\n") + 2


def test_unicode_text(write: Write) -> None:
    """The tab-separated UTF-16 that Excel calls Unicode text is read."""
    rows = read_csv(write("code\tname\r\nA\tÑandú, S.A.\r\n".encode("utf-16")))

    assert list(rows) == [SourceRow(2, {"code": "A", "name": "Ñandú, S.A."})]


def test_text_that_looks_like_a_formula(write: Write) -> None:
    """A text written as a formula, so that a spreadsheet keeps its zeros, is that text."""
    rows = read_csv(write('code;name\n"=""00123""";=1+1\n="007";="x\n'))

    assert [list(row.values.values()) for row in rows] == [["00123", "=1+1"], ["007", '="x']]


TITLED = "Clientes nuevos;\n;;\nal 31/03/2026;x\nCódigo;Nombre\nA;Acme, S.A.\n"
FIELDS = {"Código", "Nombre", "code"}


@pytest.mark.parametrize(
    ("body", "header_row", "number", "values"),
    [
        (TITLED, None, 5, {"Código": "A", "Nombre": "Acme, S.A."}),
        (TITLED, 4, 5, {"Código": "A", "Nombre": "Acme, S.A."}),
        (TITLED, 3, 4, {"al 31/03/2026": "Código", "x": "Nombre"}),
        ("code;x\nCódigo;Nombre\n", None, 2, {"code": "Código", "x": "Nombre"}),
        ('x;"a ""b""\nc"\nA;B\n', None, 3, {"x": "A", 'a "b"\nc': "B"}),
        ("sep=|\nx,y\nCódigo|Nombre\nA|Acme, S.A.\n", None, 4, None),
        ("sep=;\n\nx\nA\n", 3, 4, {"x": "A"}),
    ],
)
def test_header_row(
    write: Write, body: str, header_row: int | None, number: int, values: dict[str, str] | None
) -> None:
    """The header is the line declared, or the first one with names of fields."""
    rows = read_csv(write(body), FileFormat(header_row=header_row), FIELDS.__contains__)

    row = next(rows)

    assert row == SourceRow(number, values or {"Código": "A", "Nombre": "Acme, S.A."})
    assert row.layout is not None
    assert row.layout.header_row == number - 1 - ("\n" in "".join(row.values))


def test_empty_header_row(write: Write) -> None:
    """A declared header that is empty is reported."""
    for number in (2, 9):
        with pytest.raises(BadFile, match=f"line {number} is empty.*Correct --header-row"):
            list(read_csv(write("a\n\nb\n"), FileFormat(header_row=number)))


BAD_CSV = [
    ("", "it is empty"),
    (" \n\n", "it is empty"),
    ("sep=;\n", "it is empty"),
    (",,\n , \n", "it is empty"),
    ("code,code\nA,B\n", "two columns are called code"),
    ("code, code \nA,B\n", "two columns are called code"),
    ("code,,\nA,,\nB,,lost\n", r"column 3 \(C\) has no name in the header, but line 3"),
    ("code,name\nA,a\n\nB,Widget, red\n", "line 4 has 3 fields, but the header has 2"),
    ("code,name\nA,a,\n", "line 2 has 3 fields, but the header has 2"),
    ('code,name\n"A\nB",a\nC,"Widget\nD,d\n', "begins in line 4 has a quote that is never closed"),
    ('code,name\nA,"Widget\nB,"Gadget"\n', "begins in line 2 has text after a closing"),
    (
        'code,name\nA,"Widget\n' + "B,b\n" * 30_000,
        "begins in line 2 has a quote that is never closed",
    ),
    ("code\nA\nÑ\n".encode("cp1252"), "line 3 is not UTF-8"),
    (b"PK\x03\x04\x00\x00", "line 1 contains a NUL byte"),
]


@pytest.mark.parametrize(("body", "message"), BAD_CSV)
def test_unreadable_csv(write: Write, body: str | bytes, message: str) -> None:
    """What is wrong is reported with its line, that nothing was sent, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.txt: .*{message}.*\. Nothing was sent\. \w.*\.$"):
        list(read_csv(write(body)))


def test_header_only(write: Write) -> None:
    """A file with a header only has no rows."""
    assert list(read_csv(write("code,name\n"))) == []


def test_long_csv(write: Write) -> None:
    """Thirty thousand lines are read to the last."""
    rows = read_csv(write("code,name\n" + "".join(f"{n},Name {n}\n" for n in range(30_000))))

    assert sum(row.values["code"] == str(row.number - 2) for row in rows) == 30_000


# JSON

INVOICE = {"code": "F-1", "lines": [{"quantity": 2}]}
TWO = [{"code": "A"}, {"code": "B"}]
TOPS: list[tuple[Any, list[Any]]] = [
    (TWO, TWO),
    ([], []),
    (INVOICE, [INVOICE]),
    ({"data": TWO, "total": 2, "page": 1, "warnings": []}, TWO),
    ({"data": [], "rows": [], "note": "[]"}, []),
    ({"invoices": [INVOICE], "total": 1}, [INVOICE]),
    ({"purchase-orders": TWO}, TWO),
    ({"PurchaseOrders": TWO}, TWO),
    ({"customers": TWO, "vendors": TWO}, [{"customers": TWO, "vendors": TWO}]),
    ({"data": {"code": "A"}}, [{"data": {"code": "A"}}]),
]


@pytest.mark.parametrize(("top", "records"), TOPS)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_layouts(write: Write, top: Any, records: list[Any], mark: str) -> None:
    """A list, a page of the API, or one record: the same rows, numbered from 1."""
    file = write(mark + json.dumps(top, indent=2) + "\n")

    assert list(read_json(file)) == [SourceRow(n, each) for n, each in enumerate(records, 1)]


def test_ndjson(write: Write) -> None:
    """Each line is a record, numbered by its line; blank lines are skipped."""
    file = write('\ufeff{"code": "A"}\r\n\n {"code": "Ñ"} \n')

    assert list(read_ndjson(file)) == [SourceRow(1, {"code": "A"}), SourceRow(3, {"code": "Ñ"})]


RECORD = (
    '{"a": 0.10, "b": 12345678901234567890.123456789, "c": 123456789012345678901, "d": 1E2,'
    ' "e": null, "f": true, " g ": " x ", "h": [{"i": 0.30}]}'
)


@pytest.mark.parametrize("read", [read_json, read_ndjson])
def test_json_values_are_exact(write: Write, read: Callable[[Path], Any]) -> None:
    """Numbers keep all their digits, and texts are as written."""
    (row,) = read(write(RECORD))

    assert str(row.values["a"]) == "0.10"
    assert str(row.values["b"]) == "12345678901234567890.123456789"
    assert row.values["c"] == 123456789012345678901
    assert row.values["d"] == Decimal(100)
    assert row.values["e"] is None
    assert row.values["f"] is True
    assert row.values["g"] == " x "
    assert str(row.values["h"][0]["i"]) == "0.30"


BAD_RECORDS = [
    ('{"a": 1, "a": 2}', "the name a .*twice"),
    ('{"a": {"b": 1, " b": 2}}', "the name b .*twice"),
    ('{"a": 1, " ": 2}', "a field has no name"),
    ('{"a": "\\ud800"}', "contains an unpaired surrogate"),
    ('{"a": 1e99999999999999999999}', "the number 1e99999999999999999999 is too large"),
    ('{"a": ' + "1" * 5000 + "}", "the number 1{40} is too large"),
    ("[1]", "is not an object"),
    ("7", "is not an object"),
    ("null", "is not an object"),
    ('{"a": "\\x"}', "invalid JSON"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
]


@pytest.mark.parametrize(("record", "message"), BAD_RECORDS)
def test_unreadable_record(write: Write, record: str, message: str) -> None:
    """What is wrong with a record is reported with its place, and what to do."""
    with pytest.raises(BadFile, match=rf"new\.txt: line 2.*{message}.*Nothing was sent\. \w"):
        list(read_ndjson(write('{"a": 1}\n' + record + "\n")))
    with pytest.raises(BadFile, match=rf"new\.txt: (record|it|line) .*{message}.*Nothing was sent"):
        list(read_json(write('[{"a": 1},\n' + record + "]")))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_not_a_number(write: Write, number: str) -> None:
    """NaN and infinity, which JSON does not have, are rejected with their line."""
    with pytest.raises(BadFile, match=rf"line 2: {number} is (no|not a) number"):
        list(read_ndjson(write('{"a": 1}\n{"a": ' + number + "}\n")))
    with pytest.raises(BadFile, match=rf"line 2: {number.lstrip('-')} is not a number"):
        list(read_json(write('[{"a": 1},\n{"a": ' + number + "}]")))


BAD_FILES = [
    ("", "it is empty"),
    (" \n", "it is empty"),
    ("7", "neither a list of records nor a record"),
    ('[{"a": 1},\n', "it is truncated"),
    ('[{"a": 1},\n{"a" 1}]', "line 2: invalid JSON"),
    ('[{"a": 1}\n,]', "line 2: invalid JSON"),
    ('{"a": 1}\n{"a": 2}\n', "line 2: invalid JSON.*name it .ndjson"),
    ('{"data": [{"a": 1}], "data": [{"a": 2}]}', "the name data .*twice"),
    ('[{"a": 1},\n{"a": "\\ud800 and"}]', "line 2: invalid JSON"),
    ('{"data": [], "data": []}', "the name data .*twice"),
    ('{"data": [1]}', "record 1 is not an object"),
    ('[{"a": "Ñ"}]'.encode("cp1252"), "line 1 is not UTF-8"),
    ('[{"a": "Ñ"}]'.encode("utf-16")[:-1], "it is damaged UTF-16"),
]


@pytest.mark.parametrize(("body", "message"), BAD_FILES)
def test_unreadable_json(write: Write, body: str | bytes, message: str) -> None:
    """What is wrong with a whole file is reported with its line."""
    with pytest.raises(BadFile, match=message):
        list(read_json(write(body)))


@pytest.mark.parametrize("body", ["", "\n \n"])
def test_ndjson_without_records(write: Write, body: str) -> None:
    """A file without a record in any line is empty."""
    with pytest.raises(BadFile, match="it is empty"):
        list(read_ndjson(write(body)))
