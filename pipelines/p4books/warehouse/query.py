"""How is the published file asked?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from p4books.nearest import nearest
from p4books.warehouse.errors import NotPublished, QueryFailed

BATCH = 2_000  # rows that are in memory at a time, where they need not all be


def connect(published: Path) -> duckdb.DuckDBPyConnection:
    """Open the published file: read-only, shut off from every other file and from the network.

    Raises NotPublished, and QueryFailed where the file can't be opened.
    """
    if not published.exists():
        raise NotPublished(published)
    try:
        con = duckdb.connect(published, read_only=True)
        _shut(con)
    except duckdb.Error as error:
        raise QueryFailed(f"{published} cannot be opened: {_first_line(error)}") from None
    return con


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Run one statement and return the connection, on which its rows wait to be fetched.

    Raises QueryFailed with what DuckDB says, and where it is no statement or more than one.
    """
    if not sql.strip(" \t\n;"):
        raise QueryFailed("The query is empty; nothing was run.")
    if _is_more_than_one(sql):
        raise QueryFailed("This is more than one statement; nothing was run. Ask one at a time.")
    try:
        return con.execute(sql)
    except duckdb.CatalogException as error:
        raise QueryFailed(f"The query was not run: {_with_hint(con, str(error))}") from None
    except duckdb.Error as error:
        raise QueryFailed(f"The query was not run: {str(error).strip()}") from None


def rows(answer: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Fetch the rows that wait on a connection, a few at a time. Raises QueryFailed."""
    try:
        while found := answer.fetchmany(BATCH):
            yield from found
    except duckdb.Error as error:
        raise interrupted(error) from None


def columns(answer: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the columns of the rows that wait on a connection."""
    return [column[0] for column in answer.description or ()]


def fetch(published: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query and return the names of its columns and its rows.

    Raises NotPublished, and QueryFailed with what DuckDB says.
    """
    with connect(published) as con:
        answer = ask(con, sql)
        return columns(answer), list(rows(answer))


def interrupted(error: Exception) -> QueryFailed:
    """Say that a query failed after it gave its first rows."""
    told = str(error).strip().rpartition("pending query result\nError: ")[2]
    if "INTERRUPT" in told:  # a thread was stopped, before the one that failed could say why
        told = "one of its rows cannot be computed."
    return QueryFailed(f"The query was not answered to its end: {told}")


def _is_more_than_one(sql: str) -> bool:
    """Tell whether anything stands after a semicolon; a comment is nothing."""
    written = sql.encode()
    ended = False
    for place, _ in duckdb.tokenize(sql):
        ends = written[place : place + 1] == b";"
        if ended and not ends:
            return True
        ended |= ends
    return False


def _with_hint(con: duckdb.DuckDBPyConnection, said: str) -> str:
    """Name the nearest model where a table is missing and DuckDB does not name one."""
    missing = re.search(r'Table with name "?([^" ]+)"? does not exist', said)
    if not missing:
        return said.strip()
    models = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'main'"
    ).fetchall()
    if any(f'"{each}"' in said or f'"{each.partition(".")[2]}"' in said for (each,) in models):
        return said.strip()
    hint = nearest(missing.group(1), [each for (each,) in models], "`p4books models` lists them.")
    return f"There is no {missing.group(1)}{hint}\n{said.strip()}"


def _shut(con: duckdb.DuckDBPyConnection) -> None:
    """Shut it off; readers of one process share a database, that the first one locks for all."""
    (locked,) = con.execute("select current_setting('lock_configuration')").fetchone() or (False,)
    if not locked:
        con.execute("set global TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
