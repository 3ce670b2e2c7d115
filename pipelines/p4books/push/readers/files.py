"""Choice of the reader for a file, by its extension, and the reader of a query."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from p4books.publish.query import describe_interrupted, execute_query
from p4books.push.errors import BadFile
from p4books.push.readers.rows import IsField, check_encoding, empty_file
from p4books.push.readers.text import read_csv, read_json, read_ndjson
from p4books.push.types import FileFormat, SourceRow

QUERY_NAME = "The query"  # as errors call it

_WORKBOOKS = {".xlsx", ".xlsm"}
_CSV_FILES = {".csv", ".tsv", ".txt"}

_SAVE_AS = {
    extension: f"Open it in {program}, choose Save As, and save it as Excel Workbook (.xlsx)."
    for extension, program in {
        ".xls": "Excel",
        ".xlsb": "Excel",
        ".ods": "LibreOffice or Excel",
        ".numbers": "Numbers",
        ".xlt": "Excel",
        ".xltx": "Excel",
    }.items()
}
_EXTENSIONS = "Use a file with .csv, .tsv, .txt, .xlsx, .parquet, .json or .ndjson."


def read_file(
    file: Path, file_format: FileFormat | None = None, is_field: IsField | None = None
) -> Iterator[SourceRow]:
    """Yield the rows of a file as its extension demands, without holding them all.

    `is_field` helps to find the header of a table that does not begin in the first row: whether a
    column of this name can be a field. Raises BadFile, right away or while reading, and UsageError
    for an unknown encoding.
    """
    file_format = file_format or FileFormat()
    if file_format.encoding:
        check_encoding(file_format.encoding)
    reader = _choose_reader(file, file_format, is_field)
    _check_file(file)
    return _translate_errors(file, reader)


def is_office_file(file: Path) -> bool:
    """Return whether a file is one that people write, in the notation of their country."""
    return file.suffix.lower() in _WORKBOOKS | _CSV_FILES


def read_query(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[SourceRow]:
    """Yield the rows of a query result, numbered from 1, without holding them all.

    Raises QueryFailed, and BadFile for a column that cannot be pushed.
    """
    from p4books.push.readers.arrow import BATCH, read_batches  # noqa: PLC0415 - pyarrow takes 0.1 s

    reader = execute_query(con, sql).to_arrow_reader(BATCH)
    return read_batches(QUERY_NAME, reader.schema, _fetch_batches(reader))


def _choose_reader(
    file: Path, file_format: FileFormat, is_field: IsField | None
) -> Callable[[Path], Iterator[SourceRow]]:
    extension = file.suffix.lower()
    if extension in _WORKBOOKS:
        from p4books.push.readers.excel import read_workbook  # noqa: PLC0415 - openpyxl takes 0.2 s

        return lambda workbook: read_workbook(workbook, file_format, is_field)
    if file_format.sheet is not None:
        raise BadFile(file, "it is not a workbook, so it has no sheets", "Omit --sheet.")
    if extension in _CSV_FILES:
        return lambda text: read_csv(text, file_format, is_field)
    if file_format.header_row is not None:
        raise BadFile(file, "it has no header row: its values have names", "Omit --header-row.")
    return _choose_named_reader(file, extension)


def _choose_named_reader(file: Path, extension: str) -> Callable[[Path], Iterator[SourceRow]]:
    """Return the reader of a file whose values have names of their own."""
    if extension == ".parquet":
        from p4books.push.readers.arrow import read_parquet  # noqa: PLC0415 - pyarrow takes 0.1 s

        return read_parquet
    if extension in {".json", ".ndjson", ".jsonl"}:
        return read_json if extension == ".json" else read_ndjson
    what = f"the extension {extension} is not supported" if extension else "it has no extension"
    raise BadFile(file, what, _SAVE_AS.get(extension, _EXTENSIONS))


def _check_file(file: Path) -> None:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise BadFile(file, "no such file", "Check its name.") from None
    except OSError as error:
        raise _unreadable_file(file, error) from None
    if not file.is_file():
        raise BadFile(file, "it is a folder or a device, not a file", "Name a file.")
    if not size:
        raise empty_file(file)


def _translate_errors(
    file: Path, reader: Callable[[Path], Iterator[SourceRow]]
) -> Iterator[SourceRow]:
    try:
        yield from reader(file)
    except OSError as error:
        raise _unreadable_file(file, error) from None


def _unreadable_file(file: Path, error: OSError) -> BadFile:
    why = error.strerror or str(error)
    return BadFile(file, f"it cannot be read ({why})", "Fix that, or copy it elsewhere.")


def _fetch_batches(reader: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 - loaded by read_query already

    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise describe_interrupted(error) from None
