"""Which rows are to be pushed?"""

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

from p4books.errors import QueryFailed
from p4books.publish.query import open_published
from p4books.push.errors import BadFile
from p4books.push.readers.files import read_file, read_query
from p4books.push.types import SourceRow

Write = Callable[[Path, int], None]


def csv(file: Path, rows: int) -> None:
    file.write_text("code,price\n" + "".join(f"C-{n},1.50\n" for n in range(rows)))


def workbook(file: Path, rows: int) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Prices")
    sheet.append(["code", "price"])
    for n in range(rows):
        sheet.append([f"C-{n}", 1.5])
    book.save(file)


def parquet(file: Path, rows: int) -> None:
    table = pa.table({"code": [f"C-{n}" for n in range(rows)], "price": [1.5] * rows})
    pq.write_table(table, file)


def ndjson(file: Path, rows: int) -> None:
    file.write_text("".join(f'{{"code": "C-{n}", "price": 1.50}}\n' for n in range(rows)))


def array(file: Path, rows: int) -> None:
    file.write_text(json.dumps([{"code": f"C-{n}", "price": 1.5} for n in range(rows)]))


WRITERS: dict[str, Write] = {
    ".csv": csv,
    ".TSV": csv,
    ".txt": csv,
    ".xlsx": workbook,
    ".xlsm": workbook,
    ".parquet": parquet,
    ".ndjson": ndjson,
    ".jsonl": ndjson,
    ".json": array,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_the_ending_says_how(tmp_path: Path, ending: str) -> None:
    """A file is read as its ending says, however its letters are written."""
    file = tmp_path / f"new{ending}"
    WRITERS[ending](file, 3)

    rows = list(read_file(file))

    assert [row.values["code"] for row in rows] == ["C-0", "C-1", "C-2"]
    assert {Decimal(row.values["price"]) for row in rows} == {Decimal("1.5")}


def peak(file: Path, rows: int) -> int:
    """Tell how many bytes reading takes at most, and that all rows come."""
    next(read_file(file))  # what is imported and kept once
    tracemalloc.start()
    try:
        assert sum(row.values["code"] == f"C-{n}" for n, row in enumerate(read_file(file))) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", [".csv", ".ndjson", ".parquet", ".xlsx"])
def test_memory_does_not_grow_with_rows(tmp_path: Path, ending: str) -> None:
    """Ten times the rows take no more memory than the tenth of them.

    When Python frees what refers to itself is chance; 18,000 rows held would be some 5 MB.
    """
    few, many = tmp_path / f"few{ending}", tmp_path / f"many{ending}"
    WRITERS[ending](few, 2_000)
    WRITERS[ending](many, 20_000)

    assert peak(many, 20_000) < peak(few, 2_000) + 500_000


def test_the_named_sheet(tmp_path: Path) -> None:
    """The sheet of a workbook can be named; what is no workbook has none."""
    workbook(tmp_path / "new.xlsx", 1)
    csv(tmp_path / "new.csv", 1)

    assert len(list(read_file(tmp_path / "new.xlsx", "prices"))) == 1
    with pytest.raises(BadFile, match="there is no sheet Sales"):
        list(read_file(tmp_path / "new.xlsx", "Sales"))
    with pytest.raises(BadFile, match="it is no workbook, so it has no sheet"):
        read_file(tmp_path / "new.csv", "prices")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("new.pdf", r"the ending \.pdf is unknown.*Name one that is \.csv"),
        ("new.xls", r"the ending \.xls is unknown.*Save it in Excel as \.xlsx"),
        ("new", "it has no ending"),
        ("gone.csv", "there is no such file"),
        ("folder.csv", "this is no file, but a folder"),
        ("circle.csv", r"it cannot be read \(Too many levels"),
        ("n" * 300 + ".csv", r"it cannot be read \(File name too long"),
        ("empty.xlsx", "it is empty"),
        ("empty.parquet", "it is empty"),
        ("empty.json", "it is empty"),
    ],
)
def test_no_file_to_read(tmp_path: Path, name: str, said: str) -> None:
    """What can't be read is told at once, with what to do."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    for ending in ("xlsx", "parquet", "json"):
        (tmp_path / f"empty.{ending}").touch()

    with pytest.raises(BadFile, match=rf"{said}.*") as error:
        read_file(tmp_path / name)

    assert "Nothing was sent." in str(error.value)
    assert error.value.exit_code == 2


def test_a_file_of_others(tmp_path: Path) -> None:
    """A file that one may not read is told as that."""
    csv(tmp_path / "new.csv", 1)
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


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    """A file that is taken away before it is read is told as that."""
    csv(tmp_path / "new.csv", 1)
    rows = read_file(tmp_path / "new.csv")
    (tmp_path / "new.csv").unlink()

    with pytest.raises(BadFile, match=r"it cannot be read \(No such file"):
        list(rows)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A published file with one table, opened as users ask it."""
    path = tmp_path / "acme.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table new as select 'A' as code, 1.50::decimal(18, 2) as price")
    with open_published(path) as con:
        yield con


def test_the_answer_to_a_query(con: duckdb.DuckDBPyConnection) -> None:
    """The rows of an answer are numbered from 1, and exact."""
    rows = list(
        read_query(
            con,
            "select code, price, 0.1::double as cost, sum(1) as n from new, range(2) group by all",
        )
    )

    values = {"code": "A", "price": Decimal("1.50"), "cost": Decimal("0.1"), "n": 2}
    assert rows == [SourceRow(1, values)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select code, price as code from new", "The query: two columns are called code"),
        ("select code, '\\x00'::blob as photo from new", "The query: the column photo is of"),
    ],
)
def test_an_answer_that_can_not_be_sent(
    con: duckdb.DuckDBPyConnection, sql: str, said: str
) -> None:
    """Columns that no record can have are told."""
    with pytest.raises(BadFile, match=said):
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
def test_a_query_that_fails(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """What DuckDB does not answer, from the first or in the midst, is told as for every query."""
    with pytest.raises(QueryFailed):
        list(read_query(con, sql))


def test_a_long_answer_is_not_held(con: duckdb.DuckDBPyConnection) -> None:
    """The first row is there before the last is computed."""
    late = "case when i = 9_999_999 then error('late') else i end"

    rows = read_query(con, f"select {late} as i from range(10_000_000) as r (i)")

    assert next(rows) == SourceRow(1, {"i": 0})
