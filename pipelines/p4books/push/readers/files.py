"""The reader of a file, chosen by its extension."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from p4books.publish.query import describe_interrupted, execute_query
from p4books.push.errors import BadFile
from p4books.push.readers.text import read_csv, read_json, read_ndjson
from p4books.push.types import SourceRow

QUERY_NAME = "The query"  # what its answer is called in an error

_NAMED = "Name one that is .csv, .tsv, .txt, .xlsx, .parquet, .json or .ndjson."


def read_file(file: Path, sheet: str | None = None) -> Iterator[SourceRow]:
    """Give the rows of a file, which its ending says how to read; they are not held.

    `sheet` names one of a workbook that has several. Raises BadFile, here or later, with what is
    wrong with the file and where.
    """
    reader = _choose_reader(file, sheet)
    _check_file(file)
    return _translate_errors(file, reader)


def read_query(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[SourceRow]:
    """Give the rows that answer a query, numbered from 1; they are not held.

    Raises QueryFailed, and BadFile for a column that can't be pushed.
    """
    from p4books.push.readers.arrow import BATCH, read_batches  # noqa: PLC0415 - 0.1 s that only who asks waits for

    reader = execute_query(con, sql).to_arrow_reader(BATCH)
    return read_batches(QUERY_NAME, reader.schema, _fetch_query(reader))


def _choose_reader(file: Path, sheet: str | None) -> Callable[[Path], Iterator[SourceRow]]:
    ending = file.suffix.lower()
    if ending in {".xlsx", ".xlsm"}:
        from p4books.push.readers.excel import read_workbook  # noqa: PLC0415 - 0.2 s that only a workbook takes

        return lambda each: read_workbook(each, sheet)
    if sheet is not None:
        raise BadFile(file, "it is no workbook, so it has no sheet", "Leave --sheet out.")
    if ending == ".parquet":
        from p4books.push.readers.arrow import read_parquet  # noqa: PLC0415 - 0.1 s that only Parquet takes

        return read_parquet
    if ending in {".csv", ".tsv", ".txt"}:
        return read_csv
    if ending in {".json", ".ndjson", ".jsonl"}:
        return read_json if ending == ".json" else read_ndjson
    what = f"the ending {ending} is unknown" if ending else "it has no ending"
    remedy = "Save it in Excel as .xlsx." if ending in {".xls", ".xlsb", ".ods"} else _NAMED
    raise BadFile(file, what, remedy)


def _check_file(file: Path) -> None:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise BadFile(file, "there is no such file", "Look how it is called.") from None
    except OSError as error:
        raise _unreadable_file(file, error) from None
    if not file.is_file():
        raise BadFile(file, "this is no file, but a folder or a device", "Name a file.")
    if not size:
        raise BadFile(file, "it is empty", "Look whether it is the file that you mean.")


def _translate_errors(
    file: Path, reader: Callable[[Path], Iterator[SourceRow]]
) -> Iterator[SourceRow]:
    try:
        yield from reader(file)
    except OSError as error:
        raise _unreadable_file(file, error) from None


def _unreadable_file(file: Path, error: OSError) -> BadFile:
    why = error.strerror or str(error)
    return BadFile(file, f"it cannot be read ({why})", "Mend that, or copy it elsewhere.")


def _fetch_query(reader: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 - who asks has waited for it already

    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise describe_interrupted(error) from None
