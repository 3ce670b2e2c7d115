"""How is a DuckDB database opened?"""

from pathlib import Path
from tempfile import mkdtemp

import duckdb

STORAGE = "v1.4.0"  # opens in DuckDB 1.4, 1.5 and 2.0, and rejects a stale write-ahead log
MEMORY = "256MB"  # of one database; what needs more spills to the disk
THREADS = 2  # of one database, and of what we do at the same time


def connect(
    path: Path | None = None, *, read_only: bool = False, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a file, made new where there is none, or a database in memory.

    Instants are told in UTC, nothing is drawn on the terminal, and what does not fit into memory
    goes to a folder of its own in `spill`: databases that share one write over each other's pages.
    Raises duckdb.Error and OSError.
    """
    config: dict[str, str | bool | int | float | list[str]] = {}
    if path is not None and not read_only and not path.exists():
        config["storage_compatibility_version"] = STORAGE
    con = duckdb.connect(path or ":memory:", read_only=read_only, config=config)
    con.execute("set global TimeZone = 'UTC'")  # a cursor of this connection tells it too
    con.execute("set enable_progress_bar = false")
    con.execute(f"set memory_limit = '{MEMORY}'")
    con.execute(f"set threads = {THREADS}")
    if spill is not None:
        con.execute(f"set temp_directory = {text(mkdtemp(prefix='spill-', dir=spill))}")
    return con


def text(value: str) -> str:
    """Write a text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """Write a name as a SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'
