"""Choice of the reader for a file, and the reader of a query."""

import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from p4books.errors import QueryFailed, UsageError
from p4books.publish.query import open_published
from p4books.push.errors import BadFile
from p4books.push.readers.files import read_file, read_query
from p4books.push.types import FileFormat, SourceRow

Write = Callable[[Path, int], None]


def _write_csv(file: Path, rows: int) -> None:
    file.write_text("code,price\n" + "".join(f"C-{n},2\n" for n in range(rows)))


def _write_workbook(file: Path, rows: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Prices")
    sheet.append(["code", "price"])
    for n in range(rows):
        sheet.append([f"C-{n}", 2])
    book.save(file)


def _write_parquet(file: Path, rows: int) -> None:
    table = pa.table({"code": [f"C-{n}" for n in range(rows)], "price": [2.0] * rows})
    pq.write_table(table, file)


def _write_ndjson(file: Path, rows: int) -> None:
    file.write_text("".join(f'{{"code": "C-{n}", "price": 2.00}}\n' for n in range(rows)))


def _write_json(file: Path, rows: int) -> None:
    file.write_text(json.dumps([{"code": f"C-{n}", "price": 2} for n in range(rows)]))


WRITERS: dict[str, Write] = {
    ".csv": _write_csv,
    ".TSV": _write_csv,
    ".txt": _write_csv,
    ".xlsx": _write_workbook,
    ".xlsm": _write_workbook,
    ".parquet": _write_parquet,
    ".ndjson": _write_ndjson,
    ".jsonl": _write_ndjson,
    ".json": _write_json,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_reader_by_extension(tmp_path: Path, ending: str) -> None:
    """A file is read according to its extension, regardless of case."""
    file = tmp_path / f"new{ending}"
    WRITERS[ending](file, 3)

    rows = list(read_file(file))

    assert [row.values["code"] for row in rows] == ["C-0", "C-1", "C-2"]
    assert {Decimal(row.values["price"]) for row in rows} == {2}


def _measure_peak(file: Path, rows: int) -> int:
    """Return how many bytes of memory reading takes at most, and check that all rows come."""
    next(read_file(file))  # what is imported and cached
    tracemalloc.start()
    try:
        assert sum(row.values["code"] == f"C-{n}" for n, row in enumerate(read_file(file))) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", [".csv", ".ndjson", ".parquet", ".xlsx"])
def test_memory_does_not_grow_with_rows(tmp_path: Path, ending: str) -> None:
    """Eight times the rows take no more memory.

    When Python frees reference cycles varies; 7,000 rows held would be some 2 MB.
    """
    few, many = tmp_path / f"few{ending}", tmp_path / f"many{ending}"
    WRITERS[ending](few, 1_000)
    WRITERS[ending](many, 8_000)

    assert _measure_peak(many, 8_000) < _measure_peak(few, 1_000) + 500_000


def test_named_sheet(tmp_path: Path) -> None:
    """The sheet of a workbook can be named; other files have none."""
    _write_workbook(tmp_path / "new.xlsx", 1)
    _write_csv(tmp_path / "new.csv", 1)

    assert len(list(read_file(tmp_path / "new.xlsx", FileFormat(sheet="prices")))) == 1
    with pytest.raises(BadFile, match="Unknown sheet 'Sales'"):
        list(read_file(tmp_path / "new.xlsx", FileFormat(sheet="Sales")))
    with pytest.raises(BadFile, match="it is not a workbook, so it has no sheets"):
        read_file(tmp_path / "new.csv", FileFormat(sheet="prices"))


def test_options_of_other_files(tmp_path: Path) -> None:
    """A header row can be declared for tables only; an unknown encoding is reported."""
    _write_json(tmp_path / "new.json", 1)

    with pytest.raises(BadFile, match=r"its values have names.*Omit --header-row"):
        read_file(tmp_path / "new.json", FileFormat(header_row=2))
    with pytest.raises(UsageError, match="Unknown encoding 'cp9'"):
        read_file(tmp_path / "new.csv", FileFormat(encoding="cp9"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("new.pdf", r"the extension \.pdf is not supported.*Use a file with \.csv"),
        ("new.xls", r"the extension \.xls is not supported.*Excel, choose Save As.*\(\.xlsx\)"),
        ("new.ODS", r"the extension \.ods is not supported.*LibreOffice or Excel, choose Save As"),
        ("new.xlsb", r"the extension \.xlsb is not supported.*choose Save As"),
        ("new", "it has no extension"),
        ("gone.csv", "no such file"),
        ("folder.csv", "it is a folder or a device, not a file"),
        ("circle.csv", r"it cannot be read \(Too many levels"),
        ("n" * 300 + ".csv", r"it cannot be read \(File name too long"),
        ("empty.xlsx", "it is empty"),
        ("empty.parquet", "it is empty"),
        ("empty.json", "it is empty"),
    ],
)
def test_unreadable_file(tmp_path: Path, name: str, message: str) -> None:
    """What cannot be read is reported right away, with what to do."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    for ending in ("xlsx", "parquet", "json"):
        (tmp_path / f"empty.{ending}").touch()

    with pytest.raises(BadFile, match=rf"{message}.*") as error:
        read_file(tmp_path / name)

    assert "Nothing was sent." in str(error.value)
    assert error.value.exit_code == 2


def test_file_without_permission(tmp_path: Path) -> None:
    """A file that the user may not read is reported as such."""
    _write_csv(tmp_path / "new.csv", 1)
    (tmp_path / "new.csv").chmod(0)
    rows = read_file(tmp_path / "new.csv")
    ours = os.geteuid()
    if ours == 0:  # who may read all reads as nobody
        os.seteuid(65534)

    try:
        with pytest.raises(BadFile, match=r"it cannot be read \(Permission denied\)"):
            list(rows)
    finally:
        os.seteuid(ours)


def test_deleted_file(tmp_path: Path) -> None:
    """A file that is deleted before it is read is reported as such."""
    _write_csv(tmp_path / "new.csv", 1)
    rows = read_file(tmp_path / "new.csv")
    (tmp_path / "new.csv").unlink()

    with pytest.raises(BadFile, match=r"it cannot be read \(No such file"):
        list(rows)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A published file with one table, opened as users query it."""
    path = tmp_path / "acme.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table new as select 'A' as code, 1.50::decimal(18, 2) as price")
    with open_published(path) as con:
        yield con


def test_query(con: duckdb.DuckDBPyConnection) -> None:
    """The rows of a query result are numbered from 1, with exact values."""
    rows = list(
        read_query(
            con,
            "select code, price, 0.1::double as cost, sum(1) as n from new, range(2) group by all",
        )
    )

    values = {"code": "A", "price": Decimal("1.50"), "cost": Decimal("0.1"), "n": 2}
    assert rows == [SourceRow(1, values)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select code, price as code from new", "The query: two columns are called code"),
        ("select code, '\\x00'::blob as photo from new", "The query: the column photo has type"),
    ],
)
def test_query_with_unsupported_columns(
    con: duckdb.DuckDBPyConnection, sql: str, message: str
) -> None:
    """Columns that a record cannot have are reported."""
    with pytest.raises(BadFile, match=message):
        list(read_query(con, sql))


@pytest.mark.parametrize(
    "sql",
    [
        "select nothing from new",
        "select 1; select 2",
        " ; ",
        "select case when i = 50_000 then error('late') else i end as i from range(100_000) r (i)",
    ],
)
def test_failing_query(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """A query that fails, right away or halfway, raises what every query raises."""
    with pytest.raises(QueryFailed):
        list(read_query(con, sql))


def test_query_is_streamed(con: duckdb.DuckDBPyConnection) -> None:
    """The first row is available before the last is computed."""
    late = "case when i = 9_999_999 then error('late') else i end"

    rows = read_query(con, f"select {late} as i from range(10_000_000) as r (i)")

    assert next(rows) == SourceRow(1, {"i": 0})
