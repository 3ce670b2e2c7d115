"""How is JSON read, one record after the other?"""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.text import read_json, read_ndjson
from p4books.push.types import SourceRow

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file."""

    def write(body: str | bytes) -> Path:
        file = tmp_path / "new.json"
        file.write_bytes(body if isinstance(body, bytes) else body.encode())
        return file

    return write


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
def test_what_stands_at_the_top(write: Write, top: Any, records: list[Any], mark: str) -> None:
    """A list, a page as the API answers it, or one record: the same rows, numbered from 1."""
    file = write(mark + json.dumps(top, indent=2) + "\n")

    assert list(read_json(file)) == [SourceRow(n, each) for n, each in enumerate(records, 1)]


def test_a_record_a_line(write: Write) -> None:
    """Each line is a record, numbered by its line; blank ones are skipped."""
    file = write('\ufeff{"code": "A"}\r\n\n {"code": "Ñ"} \n')

    assert list(read_ndjson(file)) == [SourceRow(1, {"code": "A"}), SourceRow(3, {"code": "Ñ"})]


WRITTEN = (
    '{"a": 0.10, "b": 12345678901234567890.123456789, "c": 123456789012345678901, "d": 1E2,'
    ' "e": null, "f": true, " g ": " x ", "h": [{"i": 0.30}]}'
)


@pytest.mark.parametrize("read", [read_json, read_ndjson])
def test_values_are_exact(write: Write, read: Callable[[Path], Any]) -> None:
    """A fraction has the digits that are written, an integer all of its own; texts stay."""
    (row,) = read(write(WRITTEN))

    assert str(row.values["a"]) == "0.10"
    assert str(row.values["b"]) == "12345678901234567890.123456789"
    assert row.values["c"] == 123456789012345678901
    assert row.values["d"] == Decimal(100)
    assert row.values["e"] is None
    assert row.values["f"] is True
    assert row.values["g"] == " x "
    assert str(row.values["h"][0]["i"]) == "0.30"


BAD_RECORDS = [
    ('{"a": 1, "a": 2}', "the name a occurs twice"),
    ('{"a": {"b": 1, " b": 2}}', "the name b occurs twice"),
    ('{"a": 1, " ": 2}', "a field has no name"),
    ('{"a": "\\ud800"}', "has half a character in a text"),
    ('{"a": 1e99999999999999999999}', "the number 1e99999999999999999999 is too large"),
    ('{"a": ' + "1" * 5000 + "}", "the number 1{40} is too large"),
    ("[1]", "is no object"),
    ("7", "is no object"),
    ("null", "is no object"),
    ('{"a": "\\x"}', "this is no JSON"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
]


@pytest.mark.parametrize(("record", "said"), BAD_RECORDS)
def test_a_record_that_can_not_be_read(write: Write, record: str, said: str) -> None:
    """What is wrong with a record is told with its place, that nothing was sent, what to do."""
    with pytest.raises(BadFile, match=rf"new\.json: line 2.*{said}.*Nothing was sent\. \w"):
        list(read_ndjson(write('{"a": 1}\n' + record + "\n")))
    with pytest.raises(BadFile, match=rf"new\.json: (record|it|line) .*{said}.*Nothing was sent"):
        list(read_json(write('[{"a": 1},\n' + record + "]")))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_no_number(write: Write, number: str) -> None:
    """What JSON does not have as a number is refused, with its line."""
    with pytest.raises(BadFile, match=rf"line 2: {number} is not a number"):
        list(read_ndjson(write('{"a": 1}\n{"a": ' + number + "}\n")))
    with pytest.raises(BadFile, match=rf"line 2: {number.lstrip('-')} is no"):
        list(read_json(write('[{"a": 1},\n{"a": ' + number + "}]")))


BAD_FILES = [
    ("", "it is empty"),
    (" \n", "it is empty"),
    ("7", "neither a list of records nor a record"),
    ('[{"a": 1},\n', "it breaks off"),
    ('[{"a": 1},\n{"a" 1}]', "line 2: this is no JSON"),
    ('[{"a": 1}\n,]', "line 2: this is no JSON"),
    ('{"a": 1}\n{"a": 2}\n', "line 2: this is no JSON.*name it .ndjson"),
    ('{"data": [{"a": 1}], "data": [{"a": 2}]}', "the name data occurs twice"),
    ('[{"a": 1},\n{"a": "\\ud800 and"}]', "line 2: this is no JSON"),
    ('{"data": [], "data": []}', "the name data occurs twice"),
    ('{"data": [1]}', "record 1 is no object"),
    ('[{"a": "Ñ"}]'.encode("cp1252"), "line 1 is not UTF-8"),
    ('[{"a": "Ñ"}]'.encode("utf-16"), "it is written in UTF-16"),
]


@pytest.mark.parametrize(("body", "said"), BAD_FILES)
def test_a_file_that_can_not_be_read(write: Write, body: str | bytes, said: str) -> None:
    """What is wrong with a whole file is told with its line."""
    with pytest.raises(BadFile, match=said):
        list(read_json(write(body)))


@pytest.mark.parametrize("body", ["", "\n \n"])
def test_no_line(write: Write, body: str) -> None:
    """A file without a record in any line is empty."""
    with pytest.raises(BadFile, match="it is empty"):
        list(read_ndjson(write(body)))
