"""How does an older warehouse become one of ours?

It gets the tables and columns that it lacks, and columns of other types get ours; its rows and
their history stay as they are. All this happens in a copy.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from p4books.database import connect
from p4books.endpoint import Endpoint
from p4books.load import columns, fields, tables


def needed(path: Path, endpoints: Mapping[str, Endpoint]) -> bool:
    """Tell whether a warehouse is of an older format, or has not just the endpoints' columns."""
    if not path.exists():
        return False
    with connect(path, read_only=True) as con:
        return _format(con) < tables.FORMAT or bool(columns.amiss(con, endpoints.values()))


def migrate(path: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Make a copy of a warehouse one of our format, with a column for each field."""
    tables.create(path, tuple(endpoints.values()))
    with connect(path) as con:
        for endpoint, key in columns.amiss(con, endpoints.values()):
            columns.make(con, endpoint, key)
        if _format(con) < tables.FORMAT:
            for endpoint in endpoints.values():
                _from_1(con, endpoint)
        con.execute("update raw.p4books_format set format = ?", [tables.FORMAT])
        tables.stamp(con, time.time())


def _format(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select max(format) from raw.p4books_format").fetchone()
    return int(row[0]) if row else 0


def _from_1(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Note what format 1 did not: where it has rows, it has a whole copy of their list."""
    con.execute(
        f"""
        insert into raw.scans
        select '{endpoint.name}', null, null, 0
        where exists (from raw.{endpoint.name} where _dlt_valid_to is null)
        on conflict do nothing
        """
    )
    fields.note(con, endpoint, "true")
