"""Workbook of one sheet: the rows of a model, or the result of a query."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from xlsxwriter.worksheet import Worksheet

from p4books.errors import QueryFailed
from p4books.publish.excel_cells import MAX_TEXT, ColumnMeasure, choose_format
from p4books.publish.language import Language
from p4books.publish.query import (
    BATCH_ROWS,
    CatalogColumn,
    CatalogEntry,
    execute_query,
    fetch_rows,
    load_value_labels,
    read_about,
)
from p4books.publish.workbook.formats import WorkbookFormats
from p4books.publish.workbook.names import sheet_names
from p4books.publish.workbook.rows import ModelRows, RowOptions
from p4books.publish.workbook.sheet import (
    MAX_ROWS,
    ModelSheet,
    SheetStyle,
    cell_writer,
    set_up_page,
)
from p4books.publish.workbook.write import close_workbook, create_workbook
from p4books.storage.exact_json import unique_names

MAX_COLUMNS = 16_384  # of a sheet


@dataclass(frozen=True)
class WrittenResult:
    """What a workbook has of a result: rows, if there are more, and the number of cut texts."""

    rows: int
    has_more: bool
    cut: int

    def describe_missing(self) -> str:
        """Describe what is missing; empty if nothing is."""
        parts = []
        if self.has_more:
            parts.append(f"a sheet holds no more than these {self.rows:,} rows, and there are more")
        if self.cut:
            texts = "1 text was" if self.cut == 1 else f"{self.cut:,} texts were"
            parts.append(f"{texts} cut at {MAX_TEXT:,} characters")
        missing = "; ".join(parts)
        return f"{missing}. A .csv or .parquet file has everything." if missing else ""


def write_model_workbook(  # noqa: PLR0913 - the options of one command
    con: duckdb.DuckDBPyConnection,
    model: CatalogEntry,
    path: Path,
    language: Language,
    limit: int | None = None,
    sheet_rows: int = MAX_ROWS,
) -> WrittenResult:
    """Write the first rows of a model, None means all, as they are in the workbook of all models.

    Raises QueryFailed and OSError.
    """
    about = read_about(con)
    book = create_workbook(path, about["tenant"], language)
    style = SheetStyle(WorkbookFormats(book), language, load_value_labels(con, language.code))
    (name,) = sheet_names([model.title(language.code)])
    options = RowOptions(language, about["timezone"], limit=limit)
    rows = ModelRows(con, model, options)
    contents = ModelSheet(book.add_worksheet(name), rows, style).write(sheet_rows)
    close_workbook(book)
    return WrittenResult(contents.rows, contents.rows < contents.expected, contents.cut)


def write_query_workbook(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    path: Path,
    language: Language,
    sheet_rows: int = MAX_ROWS,
) -> WrittenResult:
    """Write the result of a query under the names of its columns, with instants in local time.

    The first rows decide how wide the columns are. Raises QueryFailed and OSError.
    """
    about = read_about(con)
    result = execute_query(con, sql)
    return _write_book(about, result, _describe_columns(result), path, language, {}, sheet_rows)


def write_table_workbook(
    con: duckdb.DuckDBPyConnection,
    select: Callable[[], duckdb.DuckDBPyConnection],
    columns: Sequence[CatalogColumn],
    path: Path,
    language: Language,
) -> WrittenResult:
    """Write the result of `select` under what people call its columns and the values in it.

    The sheet is called after the file. Raises QueryFailed and OSError.
    """
    about, values = read_about(con), load_value_labels(con, language.code)
    return _write_book(about, select(), columns, path, language, values, MAX_ROWS)


def _write_book(  # noqa: PLR0913 - what the two kinds of results share
    about: Mapping[str, Any],
    result: duckdb.DuckDBPyConnection,
    columns: Sequence[CatalogColumn],
    path: Path,
    language: Language,
    values: Mapping[tuple[str, str], str],
    sheet_rows: int,
) -> WrittenResult:
    zone = ZoneInfo(about["timezone"])
    rows = (tuple(_localize(value, zone) for value in row) for row in fetch_rows(result))
    book = create_workbook(path, about["tenant"], language)
    style = SheetStyle(WorkbookFormats(book), language, values)
    (name,) = sheet_names([path.stem])
    written = _write_result(book.add_worksheet(name), columns, rows, style, sheet_rows)
    close_workbook(book)
    return written


def _write_result(
    sheet: Worksheet,
    columns: Sequence[CatalogColumn],
    rows: Iterable[Sequence[Any]],
    style: SheetStyle,
    sheet_rows: int,
) -> WrittenResult:
    capacity = sheet_rows - 1
    rows = iter(rows)
    first = list(islice(rows, BATCH_ROWS))
    formats = [
        choose_format(column, _measure([row[at] for row in first]), style.language)
        for at, column in enumerate(columns)
    ]
    set_up_page(sheet, 0, 0, style.language)
    for place, column in enumerate(formats):
        values = style.formats.values(column.format, right=column.is_number)
        sheet.set_column(place, place, column.width, values)
        sheet.write_string(0, place, column.label, style.formats.header(right=column.is_number))
    writers = [cell_writer(sheet, column, style) for column in formats]
    written = cut = 0
    for row in islice(chain(first, rows), capacity):
        written += 1
        for place, value in enumerate(row):
            if value is not None:
                cut += writers[place](written, place, value)
    sheet.autofilter(0, 0, max(written, 1), len(formats) - 1)
    has_more = written == capacity and (len(first) > capacity or next(rows, None) is not None)
    return WrittenResult(written, has_more, cut)


def _describe_columns(result: duckdb.DuckDBPyConnection) -> list[CatalogColumn]:
    """Return the columns of a result. Raises QueryFailed if a sheet has no room for them."""
    described = result.description or ()
    if len(described) > MAX_COLUMNS:
        raise QueryFailed(
            f"The query has {len(described):,} columns, and a sheet {MAX_COLUMNS:,}; nothing was "
            "written. Name the columns that you need, or write a .csv or .parquet file."
        )
    names = unique_names([column[0] for column in described])
    return [
        CatalogColumn(name, str(column[1]), "")
        for name, column in zip(names, described, strict=True)
    ]


def _measure(values: Sequence[Any]) -> ColumnMeasure:
    """Measure the first values of a column."""
    texts = [str(value) for value in values if value is not None]
    numbers = [
        f"{value:f}".partition(".") if isinstance(value, Decimal) else (str(value), "", "")
        for value in values
        if isinstance(value, Decimal | int)
    ]
    return ColumnMeasure(
        max(map(len, texts), default=0),
        max((len(whole) for whole, _, _ in numbers), default=0),
        max((len(decimals.rstrip("0")) for _, _, decimals in numbers), default=0),
    )


def _localize(value: Any, zone: ZoneInfo) -> Any:
    """Return an instant as a clock in the zone shows it: a sheet has no time zones."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(zone).replace(tzinfo=None)
    return value
