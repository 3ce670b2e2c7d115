"""Slices: the rows of a query's inputs that have the values of a column that changed.

A query has a partition if its rows with one value of a column depend only on the rows of its inputs
with the same value, and on inputs without such a column. It can then be run on a slice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import TARGET, Change, list_columns
from p4books.transform.models import LAYERS

MAX_VALUES = 20_000  # of a slice; if more changed, running the whole query costs as much


@dataclass(frozen=True)
class Slice:
    """A database in memory with copies of rows; `values` is the table of the changed values.

    `search_path` is that on which a query finds the copies first.
    """

    name: str
    values: str
    search_path: str


@contextmanager
def open_slice(  # noqa: PLR0913 - a query, its inputs, and what changed in them
    con: duckdb.DuckDBPyConnection,
    name: str,
    reads: Iterable[str],
    partition: Sequence[str],
    changes: Iterable[Change],
    search_path: str,
) -> Iterator[Slice | None]:
    """Copy what a query reads, in tables `reads`, for the values in the rows that changed.

    `partition` names the column, as it may be called in inputs. None if the query must be run as a
    whole: it has no partition, rows that changed are not known or lack the column, or too many
    values changed. The slice is dropped at the end.
    """
    values = _select_values(changes, partition)
    if values is None:
        yield None
        return
    con.execute(f"set search_path = {quote_literal(search_path)}")
    con.execute(f"attach ':memory:' as {name}")
    try:
        table = f"{name}.main.changed"
        con.execute(f"create table {table} as {values}")
        count, known = con.execute(f"select count(*), count(value) from {table}").fetchone() or (
            0,
            0,
        )
        if count > MAX_VALUES or known < count:
            yield None
            return
        schemas = _copy_inputs(con, name, _find_columns(con, reads, partition))
        yield Slice(name, table, ",".join([*schemas, search_path]))
    finally:
        con.execute("use memory")
        con.execute(f"detach {name}")


def _select_values(changes: Iterable[Change], names: Sequence[str]) -> str | None:
    """Return the query of the values in changed rows; None if some rows lack the column."""
    parts = []
    for change in changes:
        column = _find_column(names, change.columns)
        if change.rows is None or column is None:
            return None
        where = f"where {column} is not null" if change.is_sparse else ""
        parts.append(f"select {column} as value from {change.rows} {where}")
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


def _find_column(names: Sequence[str], columns: frozenset[str]) -> str | None:
    found = next((name for name in names if name in columns), None)
    return found and quote_identifier(found)


def _copy_inputs(
    con: duckdb.DuckDBPyConnection, database: str, columns: Mapping[str, str]
) -> list[str]:
    """Copy the rows of inputs by their column with the values; return the schemas."""
    layers = sorted({name.partition(".")[0] for name in columns}, key=LAYERS.index)
    for layer in layers:
        con.execute(f"create schema {database}.{layer}")
    for name, column in columns.items():
        layer, _, table = name.partition(".")
        is_raw = layer == LAYERS[0]
        source = f"{'warehouse' if is_raw else TARGET}.{layer}.{table}"
        where = f"{column} in (from {database}.main.changed)"
        if is_raw:  # so that long texts of other rows are not read
            where = f"rowid in (select rowid from {source} where {where})"
        con.execute(f"create table {database}.{layer}.{table} as from {source} where {where}")
    return [f"{database}.{layer}" for layer in layers]
