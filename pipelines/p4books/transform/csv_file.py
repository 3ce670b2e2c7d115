"""CSV files of the user: the cells of each row, with the number of its line."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import duckdb

from p4books.errors import BrokenSeed, count_of

CsvRow = tuple[int, list[str]]  # the line on which the row ends, and its cells


def read_csv_rows(file: Path) -> Iterator[CsvRow]:
    """Yield the header of a CSV file, and then each row that is not blank.

    Cells have no space around them. The separator is the comma, semicolon or tab that is most
    frequent in the first line. Raises BrokenSeed, naming file and line, if the file cannot be read,
    is not UTF-8 or has an open quote.
    """
    text = _read_text(file)
    header = text.split("\n", 1)[0]
    reader = csv.reader(StringIO(text), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if reader.line_num == 1 or any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise BrokenSeed(file, reader.line_num, str(error)) from None


def check_width(file: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> None:
    """Raise BrokenSeed if a row has values beyond its columns."""
    if any(cells[len(columns) :]):
        why = f"it has {len(cells)} values for {count_of(len(columns), 'column')}"
        raise BrokenSeed(file, line, f"{why}; quote values that contain the separator")


def insert_texts(
    con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[str | None]]
) -> None:
    """Insert rows of texts into a table, which casts them.

    They are passed as one text, since DuckDB takes up to 0.3 ms for each value of a list.
    """
    if not rows:
        return
    cells = ", ".join(f"cells[{place}]" for place in range(1, len(rows[0]) + 1))
    con.execute(
        f"insert into {table} select {cells}"
        """ from (select unnest(from_json(?, '[["varchar"]]')) as cells)""",
        [json.dumps(rows)],
    )


def _read_text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenSeed(file, line, "it is not UTF-8: save it as `CSV UTF-8`") from None
    except OSError as error:
        raise BrokenSeed(file, 1, error.strerror or str(error)) from None
