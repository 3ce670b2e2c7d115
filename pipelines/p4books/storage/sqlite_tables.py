"""SQLite files that create their own tables, and the columns that a newer p4books added."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from p4books.errors import DiskTrouble

TableColumns = Mapping[str, Mapping[str, str]]  # by table: the columns and their declarations

_COLUMNS = "select m.name, c.name from sqlite_master as m join pragma_table_info(m.name) as c"


class SqliteTables:
    """SQLite file whose missing tables and columns are created when it is opened.

    `keys` are the primary keys of several columns, by table. Raises DiskTrouble if the file can't
    be read or written.
    """

    def __init__(self, path: Path, tables: TableColumns, keys: Mapping[str, str]) -> None:
        self._path = path
        self._tables = tables
        self._keys = keys
        self._checked: int | None = None  # version of the schema that has all tables and columns

    def upsert(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Insert rows, all or none; each replaces the one with the same key."""
        if not rows:
            return
        names = list(rows[0])
        marks = ", ".join(f":{name}" for name in names)
        with self.connect() as store:
            store.executemany(
                f"insert or replace into {table} ({', '.join(names)}) values ({marks})", rows
            )

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query; none if the file does not exist, and it is not created."""
        try:
            if not self._path.exists():
                return []
        except PermissionError:  # readers of the published file may lack access to the log
            return []
        with self.connect() as store:
            return store.execute(sql, values).fetchall()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open a connection; commit at the end, or roll back if an error is raised."""
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as store, store:
                self._path.chmod(0o600)
                store.row_factory = sqlite3.Row
                version = _read_version(store)
                if version != self._checked:
                    self._create_tables(store)
                    self._checked = version if version == _read_version(store) else None
                yield store
        except sqlite3.Error as error:
            raise DiskTrouble(self._path, str(error)) from None

    def _create_tables(self, store: sqlite3.Connection) -> None:
        found: dict[str, set[str]] = {}
        for table, column in store.execute(_COLUMNS):
            found.setdefault(table, set()).add(column)
        for table, columns in self._tables.items():
            existing = found.get(table, set())
            if not existing:
                key = f", primary key ({self._keys[table]})" if table in self._keys else ""
                own = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                store.execute(f"create table if not exists {table} ({own}{key})")
            for name in columns.keys() - existing if existing else ():
                store.execute(f"alter table {table} add column {name} {columns[name]}")


def _read_version(store: sqlite3.Connection) -> int:
    """Return what SQLite increments whenever the schema of a file changes."""
    return int(store.execute("pragma schema_version").fetchone()[0])
