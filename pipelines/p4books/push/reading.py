"""Which rows are to be pushed?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from p4books.push import lines, records
from p4books.push.errors import BadFile
from p4books.push.row import Row
from p4books.warehouse import query

THE_QUERY = "The query"  # what its answer is called in an error

_NAMED = "Name one that is .csv, .tsv, .txt, .xlsx, .parquet, .json or .ndjson."


def read(file: Path, sheet: str | None = None) -> Iterator[Row]:
    """Give the rows of a file, which its ending says how to read; they are not held.

    `sheet` names one of a workbook that has several. Raises BadFile, here or later, with what is
    wrong with the file and where.
    """
    reader = _reader(file, sheet)
    _look(file)
    return _watched(file, reader)


def answered(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Row]:
    """Give the rows that answer a query, numbered from 1; they are not held.

    Raises QueryFailed, and BadFile for a column that can't be pushed.
    """
    from p4books.push import typed  # noqa: PLC0415 - 0.1 s that only who asks waits for

    reader = query.ask(con, sql).to_arrow_reader(typed.BATCH)
    return typed.rows(THE_QUERY, reader.schema, _fetched(reader))


def _reader(file: Path, sheet: str | None) -> Callable[[Path], Iterator[Row]]:
    ending = file.suffix.lower()
    if ending in {".xlsx", ".xlsm"}:
        from p4books.push import sheet as book  # noqa: PLC0415 - 0.2 s that only a workbook takes

        return lambda each: book.read(each, sheet)
    if sheet is not None:
        raise BadFile(file, "it is no workbook, so it has no sheet", "Leave --sheet out.")
    if ending == ".parquet":
        from p4books.push import typed  # noqa: PLC0415 - 0.1 s that only Parquet takes

        return typed.read
    if ending in {".csv", ".tsv", ".txt"}:
        return lines.read
    if ending in {".json", ".ndjson", ".jsonl"}:
        return records.listed if ending == ".json" else records.lined
    what = f"the ending {ending} is unknown" if ending else "it has no ending"
    remedy = "Save it in Excel as .xlsx." if ending in {".xls", ".xlsb", ".ods"} else _NAMED
    raise BadFile(file, what, remedy)


def _look(file: Path) -> None:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise BadFile(file, "there is no such file", "Look how it is called.") from None
    except OSError as error:
        raise _unreadable(file, error) from None
    if not file.is_file():
        raise BadFile(file, "this is no file, but a folder or a device", "Name a file.")
    if not size:
        raise BadFile(file, "it is empty", "Look whether it is the file that you mean.")


def _watched(file: Path, reader: Callable[[Path], Iterator[Row]]) -> Iterator[Row]:
    try:
        yield from reader(file)
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: OSError) -> BadFile:
    why = error.strerror or str(error)
    return BadFile(file, f"it cannot be read ({why})", "Mend that, or copy it elsewhere.")


def _fetched(reader: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 - who asks has waited for it already

    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise query.interrupted(error) from None
