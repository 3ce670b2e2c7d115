"""How is the published file asked?"""

from pathlib import Path
from typing import Any

import duckdb

from p4books.warehouse.errors import NotPublished, QueryFailed


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


def fetch(published: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query and return the names of its columns and its rows.

    Raises NotPublished, and QueryFailed with what DuckDB says.
    """
    if not sql.strip(" \t\n;"):
        raise QueryFailed("The query is empty; nothing was run.")
    with connect(published) as con:
        try:
            rows = con.execute(sql).fetchall()
        except duckdb.Error as error:
            raise QueryFailed(f"The query was not run: {str(error).strip()}") from None
        return [column[0] for column in con.description or ()], rows


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
