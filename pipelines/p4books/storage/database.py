"""DuckDB connections: storage version, memory, spill folders, quoting."""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from tempfile import mkdtemp
from typing import Self, TypeVar

import duckdb

from p4books.errors import OutOfMemory
from p4books.storage.interrupt import track_connection

STORAGE_VERSION = "v1.4.0"  # opens in DuckDB 1.4, 1.5 and 2.0, and rejects a stale write-ahead log
BLOCK_SIZE = 65_536  # bytes, of new files: with DuckDB's own, small books take four times as much
MEMORY_STEPS = ("256MB", "1GB", "4GB")  # of one database; if it is too little, the next is tried
LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")  # what DuckDB writes beside a file
THREADS = 2  # of one database, and of our own parallel work

_FOR_MANY_ROWS = {
    *("column_lifetime", "common_subexpressions", "common_subplan", "compressed_materialization"),
    *("duplicate_groups", "join_elimination", "join_filter_pushdown", "late_materialization"),
    *("reorder_filter", "row_group_pruner", "sampling_pushdown", "sum_rewriter"),
    *("top_n_window_elimination", "window_self_join"),
}  # optimizers of DuckDB that take longer than they save if tables have some thousands of rows

_idle: list[duckdb.DuckDBPyConnection] = []  # in memory, to which no file is attached
_large_work = threading.RLock()
_PATTERN = re.compile(r"[*?\[]")  # in paths of files to read

T = TypeVar("T")


def retry_with_more_memory(work: Callable[[str], T]) -> T:
    """Run `work`, retrying with a higher memory limit when it runs out.

    Most of what does not fit spills to disk, but not the lines of long documents. With a higher
    limit, one thread works at a time. Raises OutOfMemory if the highest limit is not enough.
    """
    with suppress(OutOfMemory):
        return work(MEMORY_STEPS[0])
    with _large_work:
        for memory in MEMORY_STEPS[1:-1]:
            with suppress(OutOfMemory):
                return work(memory)
        return work(MEMORY_STEPS[-1])


def open_database(
    path: Path | None = None,
    *,
    read_only: bool = False,
    spill: Path | None = None,
    memory: str = MEMORY_STEPS[0],
    config: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a database file, created if it does not exist, or a database in memory.

    `config` are settings of DuckDB that can only be given when it is opened.

    Timestamps are shown in UTC and no progress bar is drawn. What does not fit into memory goes to
    a folder of its own in `spill`, because databases that share one overwrite each other's pages.
    Raises duckdb.Error and OSError.
    """
    given: dict[str, str | bool | int | float | list[str]] = {**(config or {})}
    is_new = path is not None and not read_only and not path.exists()
    if is_new:
        given["storage_compatibility_version"] = STORAGE_VERSION
    if is_new or path is None:  # then it is for files that are attached
        given["default_block_size"] = str(BLOCK_SIZE)
    con = track_connection(duckdb.connect(path or ":memory:", read_only=read_only, config=given))
    con.execute("set global TimeZone = 'UTC'")  # for cursors of this connection, too
    con.execute("set enable_progress_bar = false")
    con.execute(f"set memory_limit = '{memory}'")
    con.execute(f"set threads = {THREADS}")
    if spill is not None:
        con.execute(f"set temp_directory = {quote_literal(mkdtemp(prefix='spill-', dir=spill))}")
    return con


class CursorPool:
    """Cursors of a connection, one for each of `size` threads of our own parallel work.

    Each has its own settings, at first the search path, and keeps those of the work before.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, search_path: str, size: int) -> None:
        self._all = [track_connection(con.cursor()) for _ in range(size)]
        self._free: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        for cursor in self._all:
            cursor.execute(f"set search_path = {quote_literal(search_path)}")  # takes 0.3 ms
            self._free.put(cursor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for cursor in self._all:
            cursor.close()

    @contextmanager
    def borrow(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Use a cursor that no other thread uses."""
        cursor = self._free.get()
        try:
            yield cursor
        finally:
            self._free.put(cursor)


@contextmanager
def plan_for_few_rows(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Plan the queries of a database in less time, which suits tables of some thousands of rows."""
    known = {name for (name,) in con.execute("from duckdb_optimizers()").fetchall()}
    disabled = ",".join(sorted(_FOR_MANY_ROWS & known))
    con.execute(f"set global disabled_optimizers = {quote_literal(disabled)}")
    yield
    con.execute("reset global disabled_optimizers")


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database file as another program would read it, and use it.

    Unlike `duckdb.connect(path)`, this is the file that is at the path now, even if this process
    still has an earlier one open. Raises duckdb.Error.
    """
    with open_database() as con:
        con.execute(f"attach {quote_path(path)} as reader (read_only)")
        con.execute("use reader")
        yield con


@contextmanager
def borrow_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database file as `open_reader` does, for a few queries that change no setting.

    To make an instance takes 10 ms, so that later calls use this one again. Raises duckdb.Error.
    """
    try:
        con = _idle.pop()
    except IndexError:
        con = open_database()
    try:
        con.execute(f"attach {quote_path(path)} as reader (read_only)")
        con.execute("use reader")
        yield con
        con.execute("use memory")
        con.execute("detach reader")
    except BaseException:
        con.close()
        raise
    _idle.append(con)


def describe_holder(message: str) -> str | None:
    """Name the program because of which a database file can't be opened: name and process.

    `message` is DuckDB's; None if it is not about another program.
    """
    if "Unique file handle conflict" in message:
        return f"this program (process {os.getpid()})"
    if "Could not set lock" not in message:
        return None
    match = re.search(r"lock is held in (?:(.*) \()?PID (\d+)", message)
    if match is None or match.group(2) == "0":
        return "another program, perhaps in a container or on another machine"
    program = Path(match.group(1) or "another program").name
    return f"{program} (process {match.group(2)})"


def quote_literal(value: str) -> str:
    """Quote a text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def quote_path(path: Path) -> str:
    """Quote a path for `attach` and `copy`, which take it as it is."""
    return quote_literal(str(path))


def quote_file(path: Path) -> str:
    """Quote a path for `read_json` and the like, which take it for a pattern of many files."""
    return quote_literal(_PATTERN.sub(lambda sign: f"[{sign[0]}]", str(path)))


def quote_identifier(identifier: str) -> str:
    """Quote a name as a SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'
