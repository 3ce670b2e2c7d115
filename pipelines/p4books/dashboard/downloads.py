"""Downloads of tables: every row, as a CSV file for Excel and as a workbook."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from p4books.dashboard.reading import Reading
from p4books.publish.excel_csv import ExcelCsv
from p4books.publish.export import PeopleWords, write_rows
from p4books.publish.figures.tables import FigureTable, TableQuery, select_rows
from p4books.publish.language import Language
from p4books.publish.query import choose_columns, open_picture

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Download:
    """A file of a table; `write` reads all rows from the published file when it is asked for."""

    kind: str
    label: str
    file_name: str
    mime: str
    write: Callable[[], bytes]


def list_downloads(reading: Reading, table: FigureTable) -> list[Download]:
    """List the files that a table can be downloaded as."""
    stem = f"{reading.settings.tenant}.{table.name}.{reading.filters.currency}"
    published, zone = reading.settings.published, reading.freshness.timezone
    excel = ExcelCsv(zone, reading.language)
    words = PeopleWords(choose_columns(table.columns, reading.language.code), reading.text.values)
    return [
        Download(
            "csv",
            reading.word("download_csv"),
            f"{stem}.csv",
            "text/csv",
            partial(write_csv, published, table.query, excel, words),
        ),
        Download(
            "xlsx",
            reading.word("download_xlsx"),
            f"{stem}.xlsx",
            _SHEET,
            partial(write_workbook, published, table.query, words, reading.language),
        ),
    ]


def write_csv(published: Path, query: TableQuery, excel: ExcelCsv, words: PeopleWords) -> bytes:
    """Return all rows of a table as a CSV file for people.

    Raises the errors of `open_picture`, and QueryFailed.
    """
    with open_picture(published) as con, TemporaryDirectory(prefix="p4books-") as folder:
        path = Path(folder) / "table.csv"
        write_rows(select_rows(con, query, words.select()), path, "excel-csv", excel, words)
        return path.read_bytes()


def write_workbook(
    published: Path, query: TableQuery, words: PeopleWords, language: Language
) -> bytes:
    """Return all rows of a table as a workbook.

    Raises the errors of `open_picture`, and QueryFailed.
    """
    from p4books.publish.workbook.result import write_table_workbook  # noqa: PLC0415 - 0.1 s that only a workbook takes

    with open_picture(published) as con, TemporaryDirectory(prefix="p4books-") as folder:
        path = Path(folder) / f"{query.name}.xlsx"
        select = partial(select_rows, con, query, words.select())
        write_table_workbook(con, select, words.columns, path, language)
        return path.read_bytes()
