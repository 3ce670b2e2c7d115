"""Writing of a workbook from the published file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.workbook import Workbook

from p4books.publish.figures.overview import FindReading, find_no_reading, load_freshness
from p4books.publish.language import Language
from p4books.publish.period import Period
from p4books.publish.query import (
    CatalogEntry,
    load_section_labels,
    load_value_labels,
    order_for_people,
)
from p4books.publish.workbook.contents import ContentsSheet
from p4books.publish.workbook.formats import WorkbookFormats
from p4books.publish.workbook.names import sheet_names
from p4books.publish.workbook.rows import ModelRows, RowOptions
from p4books.publish.workbook.sheet import MAX_ROWS, ModelSheet, SheetContents, SheetStyle
from p4books.publish.workbook.summary import SummarySheet, load_summary


@dataclass(frozen=True)
class WorkbookOptions:
    """Language of a workbook; the resolved period of its lists, None for all; the rows of a sheet.

    A summary is left out if the file lacks the models that its figures are read from. `company` is
    whose name is on top, None for the tenant's, and `find_reading` that of `load_freshness`.
    """

    language: Language
    period: Period | None = None
    has_summary: bool = False
    sheet_rows: int = MAX_ROWS
    company: str | None = None
    find_reading: FindReading = find_no_reading


def write_workbook(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[CatalogEntry],
    path: Path,
    options: WorkbookOptions,
) -> list[SheetContents]:
    """Write models of the published file as a workbook; return what each sheet contains.

    First comes the summary, then the contents; the others are in the order of `order_for_people`,
    and last what the charts show. The rows are not held in memory but in temporary files beside the
    workbook. Raises QueryFailed and OSError.
    """
    freshness = load_freshness(con, options.find_reading)
    freshness = replace(freshness, tenant=options.company or freshness.tenant)
    language = options.language
    book = create_workbook(path, freshness.tenant, language)
    formats = WorkbookFormats(book)
    ordered = order_for_people(con, models)
    titles = [model.title(language.code) for model in ordered]
    own = [language.word(name) for name in ("summary", "contents", "chart_data")]
    summary_name, contents_name, data_name, *names = sheet_names([*own, *titles])
    figures = load_summary(con) if options.has_summary else None
    summary = None if figures is None else book.add_worksheet(summary_name)
    contents = book.add_worksheet(contents_name)
    style = SheetStyle(formats, language, load_value_labels(con, language.code), contents_name)
    row_options = RowOptions(language, freshness.timezone, options.period)
    sheets = []
    for model, name in zip(ordered, names, strict=True):
        rows = ModelRows(con, model, row_options)
        sheet = ModelSheet(book.add_worksheet(name), rows, style)
        sheets.append(sheet.write(options.sheet_rows))
    sections = load_section_labels(con, language.code)
    ContentsSheet(contents, style, sections).write(freshness, sheets, options.period)
    if summary and figures is not None:
        SummarySheet(book, summary, book.add_worksheet(data_name), style).write(figures, freshness)
    (summary or contents).activate()
    close_workbook(book)
    return sheets


def create_workbook(path: Path, tenant: str, language: Language) -> Workbook:
    """Create a workbook at a path, whose rows wait in files beside it."""
    book = Workbook(
        path,
        {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.use_zip64()
    title = language.word("books_of", tenant=tenant)
    book.set_properties({"title": title, "author": "p4books"})
    return book


def close_workbook(book: Workbook) -> None:
    """Write a workbook to its file. Raises OSError."""
    try:
        book.close()
    except FileCreateError as error:  # it wraps the OSError
        raise error.args[0] from None
