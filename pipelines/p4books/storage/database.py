"""DuckDB connections: storage version, memory, spill folders, quoting."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import duckdb

from p4books.errors import OutOfMemory
from p4books.storage.interrupt import track_connection

STORAGE_VERSION = "v1.4.0"  # opens in DuckDB 1.4, 1.5 and 2.0, and rejects a stale write-ahead log
MEMORY_STEPS = ("256MB", "1GB", "4GB")  # of one database; if it is too little, the next is tried
THREADS = 2  # of one database, and of our own parallel work

T = TypeVar("T")


def retry_with_more_memory(work: Callable[[str], T]) -> T:
    """Run `work`, retrying with a higher memory limit when it runs out.

    Most of what does not fit spills to disk, but not the lines of long documents. Raises
    OutOfMemory if the highest limit is not enough.
    """
    for memory in MEMORY_STEPS[:-1]:
        with suppress(OutOfMemory):
            return work(memory)
    return work(MEMORY_STEPS[-1])


def open_database(
    path: Path | None = None,
    *,
    read_only: bool = False,
    spill: Path | None = None,
    memory: str = MEMORY_STEPS[0],
) -> duckdb.DuckDBPyConnection:
    """Open a database file, created if it does not exist, or a database in memory.

    Timestamps are shown in UTC and no progress bar is drawn. What does not fit into memory goes to
    a folder of its own in `spill`, because databases that share one overwrite each other's pages.
    Raises duckdb.Error and OSError.
    """
    config: dict[str, str | bool | int | float | list[str]] = {}
    if path is not None and not read_only and not path.exists():
        config["storage_compatibility_version"] = STORAGE_VERSION
    con = track_connection(duckdb.connect(path or ":memory:", read_only=read_only, config=config))
    con.execute("set global TimeZone = 'UTC'")  # for cursors of this connection, too
    con.execute("set enable_progress_bar = false")
    con.execute(f"set memory_limit = '{memory}'")
    con.execute(f"set threads = {THREADS}")
    if spill is not None:
        con.execute(f"set temp_directory = {quote_literal(mkdtemp(prefix='spill-', dir=spill))}")
    return con


def quote_literal(value: str) -> str:
    """Quote a text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def quote_identifier(identifier: str) -> str:
    """Quote a name as a SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'
