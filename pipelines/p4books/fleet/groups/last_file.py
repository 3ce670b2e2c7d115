"""The last file of a group, from which the rows of tenants whose files did not change are taken."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from p4books.errors import P4BooksError
from p4books.fleet.groups.members import (
    TENANT,
    Layout,
    MemberTable,
    Row,
    fold_column,
    list_tables,
    read_rows,
)
from p4books.storage.database import borrow_reader, quote_literal, quote_path

_DATABASE = "last_file"


class LastFileLacks(P4BooksError):
    """The last file of a group lacks what one of its tenants has: a report that was left out."""

    def __init__(self, table: str) -> None:
        super().__init__(f"The last file of the group lacks {table}, or columns of it.")


@dataclass
class LastFile:
    """The group's last file, with the tenants whose rows are taken from it: rows of `tenants`.

    Without tenants, nothing is taken from it.
    """

    file: Path = Path()
    tenants: Mapping[str, Row] = field(default_factory=dict)
    _tables: dict[str, MemberTable] = field(default_factory=dict)

    @contextmanager
    def attach(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Attach the file for reading. Raises duckdb.Error."""
        if not self.tenants:
            yield
            return
        con.execute(f"attach {quote_path(self.file)} as {_DATABASE} (read_only)")
        try:
            self._tables = {table.name: table for table in list_tables(con)[_DATABASE]}
            yield
        finally:
            con.execute(f"detach {_DATABASE}")

    def check_tables(self, layouts: Mapping[str, Layout], wanted: Mapping[str, object]) -> None:
        """Check that the file has all that its tenants bring to tables. Raises LastFileLacks."""
        for layout in {id(layouts[tenant]): layouts[tenant] for tenant in self.tenants}.values():
            for name in layout.tables.keys() & wanted.keys():
                if not _fold(layout.tables[name]) <= _fold(self._tables.get(name)):
                    raise LastFileLacks(name)

    def select_rows(self, name: str, wanted: Iterable[str]) -> tuple[str, str, list[str]] | None:
        """Return rows of a table as SQL, their column with the tenant, and other wanted columns.

        None if it has none.
        """
        if not self.tenants or name not in self._tables:
            return None
        table, folded = self._tables[name], set(map(fold_column, wanted))
        tenants = ", ".join(map(quote_literal, self.tenants))
        rows = f"(from {_DATABASE}.{table.sql} where {TENANT} in ({tenants}))"
        return rows, TENANT, [each for each in table.columns if fold_column(each) in folded]


def read_tenants(file: Path) -> dict[str, Row]:
    """Read which tenants are in the file of a group; none if it cannot be read."""
    try:
        with borrow_reader(file) as con:
            rows = read_rows(con, "main.tenants")
    except duckdb.Error:
        return {}
    return {row["tenant"]: row for row in rows if row["why_not"] is None and row.get("layout")}


def _fold(table: MemberTable | None) -> set[tuple[str, str]]:
    """Return the columns of a table with their types; none without a table."""
    return {(fold_column(name), kind) for name, kind in table.columns.items()} if table else set()
