"""Reader of Parquet files and of query results."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.arrow import read_parquet
from p4books.push.types import SourceRow


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a Parquet file."""
    return tmp_path / "new.parquet"


def _write(file: Path, **columns: Any) -> Path:
    """Write columns into a Parquet file."""
    pq.write_table(pa.table(columns), file)
    return file


def test_rows_are_numbered(file: Path) -> None:
    """Rows are numbered from 1; an empty one is skipped."""
    rows = read_parquet(_write(file, **{" code ": ["A", None, "B"], "n": [1, None, None]}))

    assert list(rows) == [
        SourceRow(1, {"code": "A", "n": 1}),
        SourceRow(3, {"code": "B", "n": None}),
    ]


VALUES = [
    ("0.1::double", Decimal("0.1")),
    ("0.1::double + 0.2", Decimal("0.30000000000000004")),
    ("0.1::float", Decimal("0.1")),
    ("16777216::float", Decimal(16777216)),
    ("1.5::decimal(18, 2)", Decimal("1.50")),
    ("7::utinyint", 7),
    ("9223372036854775807", 9223372036854775807),
    ("true", True),
    ("' x '", " x "),
    ("'x'::enum ('x')", "x"),
    ("date '2026-03-31'", date(2026, 3, 31)),
    ("timestamp '2026-03-31 10:30:00'", datetime(2026, 3, 31, 10, 30)),  # noqa: DTZ001 - it has none
    ("timestamptz '2026-03-31 10:30:00Z'", datetime(2026, 3, 31, 10, 30, tzinfo=UTC)),
    ("time '10:30'", "10:30:00"),
    ("uuid '123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"),
    ("[{'p': 'A', 'q': 0.1::double, 't': [1]}]", [{"p": "A", "q": Decimal("0.1"), "t": [1]}]),
    ("{'a': null::float, 'b': [null::double]}", {"a": None, "b": [None]}),
]


@pytest.mark.parametrize(("sql", "value"), VALUES)
def test_values_are_exact(file: Path, sql: str, value: Any) -> None:
    """Values are exact: a float is the shortest decimal that reads as the same float."""
    with duckdb.connect() as con:
        con.execute(f"copy (select {sql} as v union all select null) to '{file}' (format parquet)")

    (row,) = read_parquet(file)

    assert row.values["v"] == value
    assert type(row.values["v"]) is type(value)
    assert str(row.values["v"]) == str(value) or isinstance(value, datetime)


@pytest.mark.parametrize("digits", ["1.1", "123456.79", "3.4028235e+38", "0.0333333351"])
def test_single_precision(file: Path, digits: str) -> None:
    """A 32-bit float has just the digits that distinguish it from its neighbours."""
    column = pa.array([float(digits)], pa.float32())

    (row,) = read_parquet(_write(file, v=column))

    assert pa.scalar(float(row.values["v"]), pa.float32()) == column[0]
    assert len(str(row.values["v"])) <= len(digits)


BAD: list[tuple[Any, str]] = [
    (pa.array([b"x"]), "the column v has type binary"),
    (pa.array([[b"x"]]), "the column v has type binary"),
    (pa.array([{"a": b"x"}]), "the column v has type binary"),
    (pa.array([UUID(int=1).bytes], pa.binary(16)), r"has type fixed_size_binary\[16\]"),
    (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), "has type map<"),
    (pa.array([5], pa.duration("s")), r"has type duration\[s\]"),
    (
        pa.array([1.0, float("nan")]),
        r"the column v has a value that cannot be sent \(nan is not a number",
    ),
    (
        pa.array([[float("inf")]]),
        r"the column v has a value that cannot be sent \(inf is not a number",
    ),
    (pa.array([2**31 - 1], pa.date32()), "the column v has a value that cannot be sent"),
    (pa.array([1], pa.timestamp("ns")), "the column v has a value that cannot be sent"),
]


@pytest.mark.parametrize(("column", "message"), BAD)
def test_unsupported_column(file: Path, column: Any, message: str) -> None:
    """What JSON does not have is rejected with the column, and what to do."""
    with pytest.raises(
        BadFile, match=rf"new\.parquet: .*{message}.*Nothing was sent\. \w"
    ) as error:
        list(read_parquet(_write(file, v=column)))

    assert "\n" not in str(error.value)


def test_two_columns_with_one_name(file: Path) -> None:
    """Two columns with the same name are ambiguous."""
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", " a"]), file)

    with pytest.raises(BadFile, match="two columns are called a"):
        list(read_parquet(file))


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_truncated_file(file: Path, kept: float) -> None:
    """A truncated file is reported as damaged."""
    _write(file, v=list(range(1000)))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])

    with pytest.raises(BadFile, match="it is not a Parquet file, or is damaged"):
        list(read_parquet(file))


def test_damaged_file(file: Path) -> None:
    """Damage in the middle of a file is reported, even after valid rows."""
    _write(file, v=[f"text {n}" for n in range(10_000)])
    body = bytearray(file.read_bytes())
    body[4:4000] = b"\xff" * 3996
    file.write_bytes(body)

    with pytest.raises(BadFile, match="it is not a Parquet file, or is damaged"):
        list(read_parquet(file))


def test_name_that_is_not_text(file: Path) -> None:
    """A column name that is not UTF-8 is reported as damage."""
    _write(file, naame=[1])
    file.write_bytes(file.read_bytes().replace(b"naame", b"n\xff\xffme"))

    with pytest.raises(BadFile, match="it is not a Parquet file, or is damaged"):
        list(read_parquet(file))


def test_text_file(file: Path) -> None:
    """A file that is not Parquet at all is reported as such."""
    file.write_text("code,name\nA,B\n")

    with pytest.raises(BadFile, match="it is not a Parquet file"):
        list(read_parquet(file))
