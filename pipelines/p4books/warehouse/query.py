"""How is the published file asked?"""

from pathlib import Path

import duckdb

from p4books.errors import NotPublished, QueryFailed


def connect(published: Path) -> duckdb.DuckDBPyConnection:
    """Open the published file: read-only, shut off from every other file and from the network.

    Raises NotPublished, and QueryFailed where the file can't be opened.
    """
    if not published.exists():
        raise NotPublished(published)
    try:
        con = duckdb.connect(published, read_only=True)
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
    except duckdb.Error as error:
        raise QueryFailed(f"{published} cannot be opened: {_first_line(error)}") from None
    return con


def ask(published: Path, sql: str) -> duckdb.DuckDBPyConnection:
    """Run a query and return the connection that holds its result.

    Raises NotPublished, and QueryFailed with what DuckDB says.
    """
    con = connect(published)
    try:
        return con.execute(sql)
    except duckdb.Error as error:
        raise QueryFailed(f"The query was not run: {str(error).strip()}") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
