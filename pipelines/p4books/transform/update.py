"""Tables of a published file that is a copy of the last one: kept, patched or built anew.

A table is kept if nothing that it reads changed. If its model has a partition, and all that changed
has its column, then its rows are computed again only for the values that changed, unless the books
are small. Any other table is built anew; if it is small, it is compared with the one before, so
that what reads it can be kept or patched. In small books the rows of views are stored meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import duckdb

from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.changes import (
    ANY,
    SCRATCH,
    Change,
    Changes,
    list_changes,
    name_stored_view,
    name_table,
    save_rows,
    take_fingerprint,
)
from p4books.transform.models import Model, list_tables_read
from p4books.transform.slices import Slice, Slices

COMPARED_ROWS = 50_000  # of a table that is compared with the one before

Fill = Callable[[duckdb.DuckDBPyConnection, Model, str, str], None]
"""Creates a table from a model: connection, model, name, clauses after its query."""


@dataclass(frozen=True)
class TableUpdate:
    """The update of all tables; `changes` grows while they are updated, in the order of reading.

    `fingerprints` are those of small tables, as far as they are known, and are kept up to date.
    """

    models: Mapping[str, Model]
    changes: Changes
    search_path: str
    fill: Fill
    slices: Slices
    fingerprints: dict[str, str] = field(default_factory=dict)

    @cached_property
    def tables_read(self) -> frozenset[str]:
        """The tables that any model reads."""
        reads = (list_tables_read(model.reads, self.models) for model in self.models.values())
        return frozenset().union(*reads)

    def update(self, con: duckdb.DuckDBPyConnection, model: Model) -> bool:
        """Keep, patch or build the table of a model; return False if it lost its comments."""
        changed = list_changes(model.reads, self.models, self.changes)
        if not changed:
            return True
        if self.slices.are_used:
            con.execute(f"set search_path = {quote_literal(self.search_path)}")
        if part := self.slices.copy_inputs(con, model.reads, model.partition, changed):
            self._patch(con, model, part)
            return True
        return self._build_anew(con, model)

    def store_view(self, con: duckdb.DuckDBPyConnection, model: Model) -> None:
        """Store the rows of a view for all that read it: to plan it for each takes longer.

        One that is published is read as it is if it did not change.
        """
        stored = name_stored_view(model)
        if not model.published:
            self.fill(con, model, stored, "")
        elif list_changes(model.reads, self.models, self.changes):
            con.execute(f"create table {stored} as from {name_table(model)}")

    def _build_anew(self, con: duckdb.DuckDBPyConnection, model: Model) -> bool:
        """Build a table as a whole; a small one only gets other rows, if they are others."""
        table = name_table(model)
        if self.slices.are_used and _count_rows(con, table) > COMPARED_ROWS:
            con.execute(f"drop table {table}")
            self.fill(con, model, table, _order_by(model))
            self.changes[model.full_name] = ANY
            return False
        fresh = f"{SCRATCH}.{quote_identifier(f'{model.full_name} fresh')}"
        self.fill(con, model, fresh, "")
        if change := self._compare(con, model, table, fresh):
            _replace_rows(con, model, "true", fresh)
            self.changes[model.full_name] = change
        con.execute(f"drop table {fresh}")
        return True

    def _compare(
        self, con: duckdb.DuckDBPyConnection, model: Model, before: str, after: str
    ) -> Change | None:
        """Compare two tables; which rows differ matters only if another model reads them."""
        if self.slices.are_used and model.full_name in self.tables_read:
            return save_rows(con, model.full_name, _difference(before, after))
        known = self.fingerprints.get(model.full_name) or take_fingerprint(con, before)
        self.fingerprints[model.full_name] = found = take_fingerprint(con, after)
        return None if found == known else ANY

    def _patch(self, con: duckdb.DuckDBPyConnection, model: Model, part: Slice) -> None:
        """Replace the rows with the values of a slice, if they changed."""
        table = name_table(model)
        column = quote_identifier(model.partition[0])
        own = f"{column} in (from {part.values})"
        fresh, before = (
            f"{SCRATCH}.{quote_identifier(f'{model.full_name} {word}')}"
            for word in ("fresh", "before")
        )
        con.execute(f"set search_path = {quote_literal(part.prepend_to(self.search_path))}")
        self.fill(con, model, fresh, f"where {own}")
        if model.full_name in self.tables_read:
            con.execute(f"create table {before} as from {table} where {own}")
            change = save_rows(con, model.full_name, _difference(before, fresh))
        else:
            change = save_rows(con, model.full_name, f"select value as {column} from {part.values}")
        if change:
            if _count_rows(con, table) <= COMPARED_ROWS:  # all of its rows stay in order
                con.execute(f"insert into {fresh} from {table} where not coalesce({own}, false)")
                own = "true"
            _replace_rows(con, model, own, fresh)
            self.changes[model.full_name] = change


def _replace_rows(con: duckdb.DuckDBPyConnection, model: Model, removed: str, fresh: str) -> None:
    """Replace the rows that meet a condition, with those of another table."""
    table = name_table(model)
    con.execute(
        f"begin; delete from {table} where {removed};"
        f" insert into {table} from {fresh} {_order_by(model)}; commit"
    )


def _count_rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return row[0] if row else 0


def _order_by(model: Model) -> str:
    return f"order by {model.order}" if model.sorted_by else ""


def _difference(before: str, after: str) -> str:
    """Return the query of the rows that are in only one of two tables."""
    return (
        f"(from {before} except all from {after}) union all (from {after} except all from {before})"
    )
