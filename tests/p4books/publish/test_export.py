"""Export of models and query results to files."""

import csv
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from p4books.errors import NotWritten, QueryFailed
from p4books.publish.excel_csv import ExcelCsv
from p4books.publish.export import (
    QUERY_FORMATS,
    ExportOptions,
    export_models,
    write_atomically,
    write_rows,
)
from p4books.publish.language import Language
from p4books.publish.query import execute_query, open_published

Connection = duckdb.DuckDBPyConnection
Files = Callable[..., Path]

PEOPLE = ExcelCsv("America/Panama", Language("en"))
NUMBERS = "-- One row per number.\n-- key: i\n-- order: i desc\nselect i from range(20) as r (i)"


@pytest.fixture(scope="module")
def published(publish_shared: Files) -> Path:
    """A published file with a model in each of three layers."""
    return publish_shared(
        staging__vendors="-- One row per vendor.\nselect id, name, balance from raw.vendors",
        reporting__numbers=NUMBERS,
        custom__mine="-- One row.\nselect 'Ñandú' as word",
    )


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_file_per_model(published: Path, tmp_path: Path, file_format: str) -> None:
    """Each model of reporting and custom has its file, in the order of the model."""
    folder = tmp_path / "new" / "exports"

    files = export_models(published, [], ExportOptions(file_format, folder, 0o640))

    assert [file.file for file in files] == [
        folder / f"acme.reporting.numbers.{file_format}",
        folder / f"acme.custom.mine.{file_format}",
    ]
    assert [file.rows for file in files] == [20, 1]
    assert sorted(folder.iterdir()) == sorted(file.file for file in files)
    with duckdb.connect() as con:
        rows = con.execute(f"from '{files[0].file}'").fetchall()
    assert rows == [(number,) for number in reversed(range(20))]
    assert files[0].file.stat().st_mode & 0o777 == 0o640


def test_chosen_models(published: Path, tmp_path: Path) -> None:
    """Words choose models and layers."""
    options = ExportOptions("csv", tmp_path / "out", 0o640)

    files = export_models(published, ["staging", "mine"], options)

    assert [file.models for file in files] == [("staging.vendors",), ("custom.mine",)]


def test_workbook(published: Path, tmp_path: Path) -> None:
    """One workbook, named after the tenant, has all models."""
    (file,) = export_models(published, [], ExportOptions("xlsx", tmp_path / "out", 0o640))

    assert file.file == tmp_path / "out" / "acme.xlsx"
    assert (file.models, file.rows) == (("reporting.numbers", "custom.mine"), 21)
    assert load_workbook(file.file).sheetnames == ["Contents", "reporting.numbers", "custom.mine"]
    assert list((tmp_path / "out").iterdir()) == [file.file]


def test_model_that_does_not_fit_on_a_sheet(published: Path, tmp_path: Path) -> None:
    """It is written completely to a CSV file beside the workbook, which has a note."""
    options = ExportOptions("xlsx", tmp_path / "out", 0o640, sheet_rows=10)

    book, beside = export_models(published, [], options)

    assert book.notes == (
        "reporting.numbers: Contains the first 6 of 20 rows; the CSV file beside it is complete.",
    )
    assert beside.file.name == "acme.reporting.numbers.csv"
    assert beside.file.read_text().splitlines() == ["i", *map(str, reversed(range(20)))]


def test_nothing_to_export(publish_models: Files, tmp_path: Path) -> None:
    """Without reports and without words nothing is written, and the error says what to name."""
    published = publish_models(staging__one="-- One row.\nselect 1 as one")

    with pytest.raises(QueryFailed, match="no model of reporting or custom; nothing was written"):
        export_models(published, [], ExportOptions("csv", tmp_path / "out", 0o640))

    assert not (tmp_path / "out").exists()


def test_all_or_nothing(publish_models: Files, tmp_path: Path) -> None:
    """If one model cannot be written no file is written or replaced."""
    published = publish_models(
        reporting__a="-- One row.\nselect 1 as one",
        reporting__b="-- One row.\n-- order: nothing\nselect 1 as one",
    )
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "acme.reporting.a.csv"
    old.write_text("old")

    with pytest.raises(QueryFailed, match=r"reporting\.b: .*nothing"):
        export_models(published, [], ExportOptions("csv", tmp_path / "out", 0o640))

    assert list((tmp_path / "out").iterdir()) == [old]
    assert old.read_text() == "old"


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_folder_in_place_of_a_file(published: Path, tmp_path: Path, file_format: str) -> None:
    """A folder with the name of the file is reported and kept."""
    name = {"csv": "acme.reporting.numbers.csv", "xlsx": "acme.xlsx"}[file_format]
    (tmp_path / name).mkdir()

    with pytest.raises(NotWritten, match="it exists and is not a file"):
        export_models(published, [], ExportOptions(file_format, tmp_path, 0o640))

    assert (tmp_path / name).is_dir()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".p4books")]


def test_file_in_place_of_the_folder(published: Path, tmp_path: Path) -> None:
    """A file with the name of the folder is reported and kept."""
    (tmp_path / "out").write_text("old")

    with pytest.raises(NotWritten, match="it exists and is not a folder"):
        export_models(published, [], ExportOptions("csv", tmp_path / "out", 0o640))

    assert (tmp_path / "out").read_text() == "old"


VALUES = {
    "amount": "1234567890123456.78::decimal(18, 2)",
    "whole": "170141183460469231731687303715884105::hugeint",
    "day": "date '2026-03-31'",
    "at": "timestamptz '2026-03-31T10:00:00.123456Z'",
    "word": "'Óptica \"Luz\", 😀'",
    "empty": "''",
    "nothing": "null::varchar",
    "listed": "[1.10::decimal(9, 2), null]",
    "struct": "{'a': 1.10::decimal(9, 2), 'b': ['x']}",
    "mapped": "map {'k': 2}",
}
EXPRESSIONS = ", ".join(f"{value} as {name}_" for name, value in VALUES.items())


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection as `query` opens it, which can write nothing."""
    path = tmp_path_factory.mktemp("numbers") / "acme.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table numbers as select i from range(100_000) as r (i)")
    with open_published(path) as con:
        yield con


@pytest.fixture
def result(con: Connection) -> Connection:
    """One row with a value of every type."""
    return execute_query(con, f"select {EXPRESSIONS}")


def test_values_in_csv(result: Connection, tmp_path: Path) -> None:
    """CSV has all digits, timestamps in UTC and nested values as text; NULL is not ''."""
    file = tmp_path / "result.csv"

    write_rows(result, file, "csv")

    text = file.read_text(encoding="utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert list(row.values()) == [
        "1234567890123456.78",
        "170141183460469231731687303715884105",
        "2026-03-31",
        "2026-03-31 10:00:00.123456+00",
        'Óptica "Luz", 😀',
        "",
        "",
        "[1.10, NULL]",
        "{'a': 1.10, 'b': [x]}",
        "{k=2}",
    ]
    assert ',"",,' in text


def test_values_in_parquet(result: Connection, tmp_path: Path) -> None:
    """Parquet returns each value unchanged, in a column of its type."""
    file = tmp_path / "result.parquet"

    write_rows(result, file, "parquet")

    with duckdb.connect() as reader:
        reader.execute("set TimeZone = 'UTC'")
        expected = reader.execute(f"select {EXPRESSIONS}").fetchall()
        assert reader.execute(f"from '{file}'").fetchall() == expected
        types = dict(
            reader.execute(f"select column_name, column_type from (describe '{file}')").fetchall()
        )
    assert types["amount_"] == "DECIMAL(18,2)"
    assert types["at_"] == "TIMESTAMP WITH TIME ZONE"
    assert types["listed_"] == "DECIMAL(9,2)[]"


def test_values_in_json(result: Connection, tmp_path: Path) -> None:
    """JSON has amounts as numbers with all digits, and nested values as they are."""
    file = tmp_path / "result.json"

    write_rows(result, file, "json")

    (row,) = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    assert row["amount_"] == Decimal("1234567890123456.78")
    assert row["at_"] == "2026-03-31T10:00:00.123456Z"
    assert (row["empty_"], row["nothing_"]) == ("", None)
    assert row["struct_"] == {"a": Decimal("1.10"), "b": ["x"]}
    assert row["mapped_"] == {"k": 2}


@pytest.mark.parametrize("file_format", QUERY_FORMATS)
def test_many_batches(con: Connection, tmp_path: Path, file_format: str) -> None:
    """Rows of many batches are all written, in the order of the query."""
    file = tmp_path / f"result.{file_format.removeprefix('excel-')}"

    query = "select i from numbers order by i desc"
    write_rows(execute_query(con, query), file, file_format, PEOPLE)

    with duckdb.connect() as reader:
        rows = reader.execute(f"select i from '{file}'").fetchall()
    assert rows == [(number,) for number in reversed(range(100_000))]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_no_rows(con: Connection, tmp_path: Path, file_format: str) -> None:
    """A result without rows still has its columns."""
    file = tmp_path / f"result.{file_format}"

    write_rows(execute_query(con, "select i, i as j from numbers where false"), file, file_format)

    with duckdb.connect() as reader:
        columns = reader.execute(f"select column_name from (describe '{file}')").fetchall()
        assert columns == [("i",), ("j",)]
        assert reader.execute(f"from '{file}'").fetchall() == []


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_columns_with_the_same_name(con: Connection, tmp_path: Path, file_format: str) -> None:
    """The second of two columns with the same name is renamed, not lost."""
    file = tmp_path / f"result.{file_format}"

    write_rows(execute_query(con, "select 1 as a, 2 as a"), file, file_format)

    with duckdb.connect() as reader:
        assert reader.execute(f"select a, a_1 from '{file}'").fetchall() == [(1, 2)]


@pytest.mark.parametrize("file_format", QUERY_FORMATS)
def test_failure_after_the_first_rows(con: Connection, tmp_path: Path, file_format: str) -> None:
    """A row that cannot be computed is an error of the query, not of the disk."""
    result = execute_query(con, "select if(i = 90_000, error('no such rate'), i) as i from numbers")

    with pytest.raises(QueryFailed, match=r"its last row: .*(no such rate|be computed\.)$"):
        write_rows(result, tmp_path / "result", file_format, PEOPLE)


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a number of bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_write_atomically(tmp_path: Path) -> None:
    """The file is replaced at the end, has its mode, and no other file is left."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    with write_atomically(target, 0o640) as file:
        file.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_symbolic_link(tmp_path: Path) -> None:
    """The file to which a symbolic link leads is replaced, and the link stays."""
    (tmp_path / "far").mkdir()
    target = tmp_path / "answer.csv"
    target.symlink_to(tmp_path / "far" / "real.csv")

    with write_atomically(target, 0o640) as file:
        file.write_text("new")

    assert target.is_symlink()
    assert (tmp_path / "far" / "real.csv").read_text() == "new"


def test_interrupted_write(tmp_path: Path) -> None:
    """A half-written file never replaces the old one."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    def fail(file: Path) -> None:
        file.write_text("ha")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), write_atomically(target, 0o640) as file:
        fail(file)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def write_by_python(path: Path) -> None:
    path.write_bytes(b"x" * 200_000)


def write_by_duckdb(path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"copy (from range(200_000)) to '{path}'")


@pytest.mark.parametrize("write", [write_by_python, write_by_duckdb])
def test_full_disk(tmp_path: Path, write: Callable[[Path], None]) -> None:
    """A full disk is reported, and the old file is unchanged."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    with (
        pytest.raises(NotWritten, match=r"answer\.csv cannot be written \(File too large\)\. An"),
        small_disk(100_000),
        write_atomically(target, 0o640) as file,
    ):
        write(file)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that does not exist is reported, and not created."""
    with (
        pytest.raises(NotWritten, match=r"gone/answer\.csv cannot be written \(No such file"),
        write_atomically(tmp_path / "gone" / "answer.csv", 0o640),
    ):
        pytest.fail("nothing can be written there")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "/dev/null"])
def test_target_that_is_not_a_file(tmp_path: Path, name: str) -> None:
    """A folder or a device is never replaced."""
    (tmp_path / "folder").mkdir()

    with (
        pytest.raises(NotWritten, match="it exists and is not a file"),
        write_atomically(tmp_path / name, 0o640),
    ):
        pytest.fail("nothing can be written there")

    assert (tmp_path / "folder").is_dir()
    assert Path("/dev/null").is_char_device()
