"""Slices: the rows of a query's inputs that have the values of a column that changed.

A query has a partition if its rows with one value of a column depend only on the rows of its inputs
with the same value, and on inputs without such a column. It can then be run on a slice.
"""

from collections.abc import Iterable, Sequence
from threading import Lock

import duckdb

from p4books.storage.database import THREADS, quote_identifier
from p4books.transform.changes import TARGET, Change, list_columns
from p4books.transform.models import LAYERS

MAX_VALUES = 20_000  # of a slice; if more changed, running the whole query costs as much


class Slice:
    """A database in memory with copies of rows; `values` is the table of the changed values."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values = f"{name}.main.changed"
        self.inputs: set[str] = set()
        self.lock = Lock()

    def prepend_to(self, search_path: str) -> str:
        """Return a search path on which a query finds the copies first."""
        return ",".join([*(f"{self.name}.{layer}" for layer in LAYERS[:-1]), search_path])


class Slices:
    """All slices of an update; queries with the same partition and changed values share one.

    They take memory until the connection is closed. If they are not `are_used`, as in small books,
    where to make them takes longer than they save, queries are run as a whole, and one at a time:
    threads would cost a twentieth more. `workers` is how many run at a time.
    """

    def __init__(self, *, are_used: bool = True) -> None:
        self.are_used = are_used
        self.workers = THREADS if are_used else 1
        self._lock = Lock()
        self._slices: dict[str, Slice] = {}

    def copy_inputs(
        self,
        con: duckdb.DuckDBPyConnection,
        reads: Iterable[str],
        partition: Sequence[str],
        changes: Iterable[Change],
    ) -> Slice | None:
        """Copy what a query reads, in tables `reads`, for the values in the rows that changed.

        `partition` names the column, as it may be called in inputs. None if the query must be run
        as a whole: it has no partition, rows that changed are not known or lack the column, or too
        many values changed. The tables must be found on the search path in use.
        """
        values = _select_values(changes, partition) if self.are_used else None
        if values is None:
            return None
        number, known, digest = con.execute(
            "select count(*), count(value), md5(to_json(list(value order by value))::varchar)"
            f" from ({values})"
        ).fetchone() or (0, 0, None)
        if number > MAX_VALUES or known < number:
            return None
        part = self._find(con, f"{' '.join(partition)} {digest}", values)
        columns = _find_columns(con, reads, partition)
        with part.lock:
            for name in columns.keys() - part.inputs:
                _copy_input(con, part, name, columns[name])
                part.inputs.add(name)
        return part

    def _find(self, con: duckdb.DuckDBPyConnection, key: str, values: str) -> Slice:
        with self._lock:
            if key not in self._slices:
                part = Slice(f"slice_{len(self._slices)}")
                con.execute(f"attach ':memory:' as {part.name}")
                con.execute(f"create table {part.values} as {values}")
                for layer in LAYERS[:-1]:
                    con.execute(f"create schema {part.name}.{layer}")
                self._slices[key] = part
            return self._slices[key]


def _select_values(changes: Iterable[Change], names: Sequence[str]) -> str | None:
    """Return the query of the values in changed rows; None if some rows lack the column."""
    parts = []
    for change in changes:
        column = _find_column(names, change.columns)
        if change.rows is None or column is None:
            return None
        parts.append(f"select {column} as value from {change.rows}")
    return " union ".join(parts) or None


def _find_columns(
    con: duckdb.DuckDBPyConnection, reads: Iterable[str], names: Sequence[str]
) -> dict[str, str]:
    """Return the inputs that have the column, and its name there."""
    found = {}
    for name in reads:
        is_raw = name.startswith(f"{LAYERS[0]}.")  # other ids in it are references
        own = [column for column in names if not is_raw or column == "id"]
        if own and (column := _find_column(own, list_columns(con, name))):
            found[name] = column
    return found


def _find_column(names: Sequence[str], columns: Sequence[str]) -> str | None:
    """Return the first column with one of the names: a table's own key is before references."""
    found = next((column for column in columns if column in names), None)
    return found and quote_identifier(found)


def _copy_input(con: duckdb.DuckDBPyConnection, part: Slice, name: str, column: str) -> None:
    """Copy the rows of an input that have the values of a slice in a column."""
    layer, _, table = name.partition(".")
    is_raw = layer == LAYERS[0]
    source = f"{'warehouse' if is_raw else TARGET}.{layer}.{table}"
    where = f"{column} in (from {part.values})"
    if is_raw:  # so that long texts of other rows are not read
        where = f"rowid in (select rowid from {source} where {where})"
    con.execute(f"create table {part.name}.{layer}.{table} as from {source} where {where}")
