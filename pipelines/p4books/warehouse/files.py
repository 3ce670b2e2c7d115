"""How does an answer become a file?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from p4books import asjson
from p4books.database import MEMORY, connect, text
from p4books.errors import OutOfMemory
from p4books.warehouse import query
from p4books.warehouse.errors import QueryFailed

FORMATS = ("csv", "json", "parquet")
BATCH = 20_000  # rows handed over at a time

_OPTIONS = {"csv": "format csv, header", "parquet": "format parquet, compression zstd"}


def write(answer: duckdb.DuckDBPyConnection, path: Path, kind: str) -> None:
    """Write the rows that wait on a connection, in one of FORMATS, without holding them all.

    In CSV an empty field is null and `""` an empty text. Raises QueryFailed where the rows do not
    come to their end, OutOfMemory, and duckdb.IOException or OSError where the file can't be
    written.
    """
    if kind == "json":
        with path.open("wb") as out:
            out.writelines(asjson.rows(query.columns(answer), query.rows(answer)))
        return
    _copy(answer, path, _OPTIONS[kind])


def _copy(answer: duckdb.DuckDBPyConnection, path: Path, options: str) -> None:
    """Hand the rows to a database of our own: the one that is asked may write nothing."""
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that only who writes a file waits for

    failed: list[QueryFailed] = []
    reader = answer.to_arrow_reader(BATCH)
    names = asjson.distinct(reader.schema.names)

    def batches() -> Iterator[Any]:
        try:
            for batch in reader:
                yield batch.rename_columns(names)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            failed.append(query.interrupted(error))
            raise

    fields = zip(names, reader.schema, strict=True)
    schema = pa.schema([field.with_name(each) for each, field in fields])
    with connect(spill=path.parent, memory=MEMORY[1]) as con:
        con.register("answer", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            con.execute(f"copy (from answer) to {text(str(path))} ({options})")
        except duckdb.Error as error:
            if failed:
                raise failed[0] from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise OutOfMemory(str(error).splitlines()[0]) from None
            raise
