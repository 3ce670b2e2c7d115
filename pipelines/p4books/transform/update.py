"""Tables of a published file that is a copy of the last one: kept, patched or built anew.

A table is kept if nothing that it reads changed. If its model names a `partition` column, and all
that changed has that column, then its rows are computed again only for the values that changed: the
model is run on copies of only these rows of its inputs. Any other table is built anew; if it
is small, it is compared with the one before, so that what reads it can be kept or patched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import (
    ANY,
    SCRATCH,
    TARGET,
    Change,
    Changes,
    list_columns,
    save_rows,
)
from p4books.transform.models import LAYERS, Model, list_tables_read

PATCHED_VALUES = 20_000  # of a partition column; if more changed, the table is built anew
COMPARED_ROWS = 50_000  # of a table that is compared with the one before

Fill = Callable[[duckdb.DuckDBPyConnection, Model, str, str, str], None]
"""Creates a table from a model: connection, model, search path, name, clauses after its query."""


@dataclass
class TableUpdate:
    """The update of all tables; `changes` grows while they are updated, in the order of reading."""

    models: Mapping[str, Model]
    changes: Changes
    search_path: str
    fill: Fill
    _columns: dict[str, frozenset[str]] = field(default_factory=dict)

    def update(self, con: duckdb.DuckDBPyConnection, model: Model) -> bool:
        """Keep or patch the table of a model; return False if it must be built anew."""
        reads = list_tables_read(model.reads, self.models)
        changed = [self.changes[name] for name in reads if name in self.changes]
        if not changed:
            return True
        values = self._list_values(changed, model.partition)
        if values is None:
            return False
        con.execute(f"set search_path = {quote_literal(self.search_path)}")
        with _Slice(con, model) as part:
            count, has_null = part.count(values)
            if count > PATCHED_VALUES or has_null:
                return False
            self._patch(con, model, part)
        return True

    def build_anew(self, con: duckdb.DuckDBPyConnection, model: Model) -> bool:
        """Replace the table of a model; return False if its rows are as before."""
        table = _table(model)
        row = con.execute(f"select count(*) from {table}").fetchone()
        if row is None or row[0] > COMPARED_ROWS:
            con.execute(f"drop table {table}")
            self.fill(con, model, self.search_path, table, _order_by(model))
            self.changes[model.full_name] = ANY
            return True
        fresh = f"{SCRATCH}.{quote_identifier(f'{model.full_name} fresh')}"
        self.fill(con, model, self.search_path, fresh, "")
        if change := save_rows(con, model.full_name, _difference(table, fresh)):
            con.execute(f"drop table {table}")
            con.execute(f"create table {table} as from {fresh} {_order_by(model)}")
            self.changes[model.full_name] = change
        con.execute(f"drop table {fresh}")
        return change is not None

    def _list_values(self, changed: Sequence[Change], names: Sequence[str]) -> str | None:
        """Return the query of the partition's values in changed rows; None if one lacks them."""
        parts = []
        for change in changed:
            column = _find_column(names, change.columns)
            if change.rows is None or column is None:
                return None
            where = f"where {column} is not null" if change.is_sparse else ""
            parts.append(f"select {column} as value from {change.rows} {where}")
        return " union ".join(parts)

    def _patch(self, con: duckdb.DuckDBPyConnection, model: Model, part: "_Slice") -> None:
        """Replace the rows with the values of a slice, if they changed."""
        schemas = part.copy_inputs(self._find_columns(con, model))
        table, column = _table(model), quote_identifier(model.partition[0])
        own = f"{column} in (from {part.values})"
        fresh, before = f"{part.name}.main.fresh", f"{part.name}.main.before"
        path = ",".join([*schemas, self.search_path])
        self.fill(con, model, path, fresh, f"where {own}")
        con.execute(f"create table {before} as from {table} where {own}")
        if change := save_rows(con, model.full_name, _difference(before, fresh)):
            con.execute(
                f"begin; delete from {table} where {own};"
                f" insert into {table} from {fresh} {_order_by(model)}; commit"
            )
            self.changes[model.full_name] = change

    def _find_columns(self, con: duckdb.DuckDBPyConnection, model: Model) -> dict[str, str]:
        """Return the inputs that have the partition's column, and its name there."""
        found = {}
        for name in model.reads:
            if name not in self._columns:
                self._columns[name] = list_columns(con, name)
            is_raw = name.startswith(f"{LAYERS[0]}.")  # other ids in it are references
            names = [column for column in model.partition if not is_raw or column == "id"]
            if column := _find_column(names, self._columns[name]):
                found[name] = column
        return found


class _Slice:
    """A database in memory with those rows of a model's inputs that have given values."""

    def __init__(self, con: duckdb.DuckDBPyConnection, model: Model) -> None:
        self._con = con
        self.name = f"slice_{model.layer}_{model.name}"
        self.values = f"{self.name}.main.changed"

    def __enter__(self) -> "_Slice":
        self._con.execute(f"attach ':memory:' as {self.name}")
        return self

    def __exit__(self, *_: object) -> None:
        self._con.execute("use memory")
        self._con.execute(f"detach {self.name}")

    def count(self, values: str) -> tuple[int, bool]:
        """Save the values of a query; return how many they are, and whether one is null."""
        self._con.execute(f"create table {self.values} as {values}")
        row = self._con.execute(
            f"select count(*), count(*) > count(value) from {self.values}"
        ).fetchone()
        return row or (0, False)

    def copy_inputs(self, columns: Mapping[str, str]) -> list[str]:
        """Copy the rows of inputs, by their column with the values; return the schemas."""
        layers = sorted({name.partition(".")[0] for name in columns}, key=LAYERS.index)
        for layer in layers:
            self._con.execute(f"create schema {self.name}.{layer}")
        for name, column in columns.items():
            layer, _, table = name.partition(".")
            source = f"{'warehouse' if layer == LAYERS[0] else TARGET}.{layer}.{table}"
            self._con.execute(
                f"create table {self.name}.{layer}.{table} as from {source}"
                f" where {column} in (from {self.values})"
            )
        return [f"{self.name}.{layer}" for layer in layers]


def _table(model: Model) -> str:
    return f"{TARGET}.{model.layer}.{quote_identifier(model.name)}"


def _find_column(names: Sequence[str], columns: frozenset[str]) -> str | None:
    found = next((name for name in names if name in columns), None)
    return found and quote_identifier(found)


def _order_by(model: Model) -> str:
    return f"order by {model.order}" if model.sorted_by else ""


def _difference(before: str, after: str) -> str:
    """Return the query of the rows that are in only one of two tables."""
    return (
        f"(from {before} except all from {after}) union all (from {after} except all from {before})"
    )
