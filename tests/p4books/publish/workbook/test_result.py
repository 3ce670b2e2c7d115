"""Workbook of one query."""

from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.p4books.publish.workbook.conftest import read_header, read_rows, read_totals

from p4books.errors import QueryFailed
from p4books.publish.language import Language
from p4books.publish.query import find_model, list_models, open_published
from p4books.publish.workbook.result import (
    WrittenResult,
    write_model_workbook,
    write_query_workbook,
)

SQL = """
select
    '=cmd' as name, 0.10::decimal(18, 2) as balance, 1.5::decimal(18, 6) as quantity,
    date '2026-11-30' as due_on, timestamptz '2026-11-30T03:00:00Z' as seen_at, true as is_open,
    [1, 2] as list, 'again' as name
union all select null, -7.25, null, null, null, null, null, null
"""


def write(published: Path, file: Path, sql: str, sheet_rows: int = 100) -> WrittenResult:
    with open_published(published) as con:
        return write_query_workbook(con, sql, file, Language("es"), sheet_rows)


def test_query(fixed_file: Path, tmp_path: Path) -> None:
    """A result has the names of its columns, and cells of their types."""
    done = write(fixed_file, tmp_path / "a [b].xlsx", SQL)

    assert done == WrittenResult(2, has_more=False, cut=0)
    (sheet,) = load_workbook(tmp_path / "a [b].xlsx").worksheets
    assert sheet.title == "a b"
    assert sheet.auto_filter.ref == "A1:H3"
    assert read_header(sheet) == [
        *("name", "balance", "quantity", "due_on", "seen_at", "is_open", "list", "name_1"),
    ]
    day, instant = datetime(2026, 11, 30), datetime(2026, 11, 29, 22)  # noqa: DTZ001
    first, second = read_rows(sheet)
    assert first == ("=cmd", 0.1, 1.5, day, instant, "SÍ", "[1, 2]", "again")
    assert second[1] == -7.25
    assert sheet["D2"].number_format == "dd/mm/yyyy"


def test_more_rows_than_a_sheet(fixed_file: Path, tmp_path: Path) -> None:
    """The first rows are written, and what is missing is said."""
    file = tmp_path / "a.xlsx"

    assert not write(fixed_file, file, "from range(99)").describe_missing()
    done = write(fixed_file, file, "from range(100)")

    assert (done.rows, load_workbook(file).active.max_row) == (99, 100)
    assert done.describe_missing() == (
        "a sheet holds no more than these 99 rows, and there are more."
        " A .csv or .parquet file has everything."
    )


def test_long_text(fixed_file: Path, tmp_path: Path) -> None:
    """A text that is cut is said, too."""
    done = write(fixed_file, tmp_path / "a.xlsx", "select repeat('x', 40_000) as text")

    assert done.describe_missing().startswith("1 text was cut at 32,767 characters.")


def test_no_rows(fixed_file: Path, tmp_path: Path) -> None:
    """A result without rows is a sheet with its columns."""
    assert write(fixed_file, tmp_path / "a.xlsx", "select 1 as one where false").rows == 0


def test_more_columns_than_a_sheet(fixed_file: Path, tmp_path: Path) -> None:
    """A result that is too wide is an error, and nothing is written."""
    columns = ", ".join(["1"] * 16_385)

    with pytest.raises(QueryFailed, match="has 16,385 columns"):
        write(fixed_file, tmp_path / "a.xlsx", f"select {columns}")


def test_model(fixed_file: Path, tmp_path: Path) -> None:
    """A model has the names of its columns for people, its order, and its total."""
    file = tmp_path / "a.xlsx"
    with open_published(fixed_file) as con:
        model = find_model(list_models(con), "ar_aging")
        done = write_model_workbook(con, model, file, Language("es"), limit=2)

    (sheet,) = load_workbook(file, data_only=True).worksheets
    assert sheet.title == "Antigüedad de saldos"
    assert (done.rows, done.describe_missing(), len(read_rows(sheet))) == (2, "", 2)
    assert "Saldo" in read_header(sheet)
    balance = read_header(sheet).index("Saldo")
    totals = [row[balance] for row in read_totals(sheet)]
    assert sum(totals) == pytest.approx(sum(row[balance] for row in read_rows(sheet)))
