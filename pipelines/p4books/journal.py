"""How is a small file of notes kept?

In SQLite, in the private folder: written at once, and read by whoever asks meanwhile.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from p4books.errors import DiskTrouble

Tables = Mapping[str, Mapping[str, str]]  # by name: the columns, and how each is declared


class Journal:
    """Notes in tables that are made where they are missing, as are their columns.

    `keys` are the tables whose primary key has several columns. Raises DiskTrouble where the file
    can't be read or written.
    """

    def __init__(self, path: Path, tables: Tables, keys: Mapping[str, str]) -> None:
        self._path = path
        self._tables = tables
        self._keys = keys

    def put(self, table: str, values: Mapping[str, Any]) -> None:
        """Write a row, in the place of the one with the same key."""
        marks = ", ".join(f":{name}" for name in values)
        with self.open() as store:
            store.execute(
                f"insert or replace into {table} ({', '.join(values)}) values ({marks})", values
            )

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Ask; where there is no file yet there are no rows, and none is made."""
        try:
            if not self._path.exists():
                return []
        except PermissionError:  # a reader of the published file need not see how it is made
            return []
        with self.open() as store:
            return store.execute(query, values).fetchall()

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are kept if all goes well."""
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as store, store:
                self._path.chmod(0o600)
                store.row_factory = sqlite3.Row
                self._make_tables(store)
                yield store
        except sqlite3.Error as error:
            raise DiskTrouble(self._path, str(error)) from None

    def _make_tables(self, store: sqlite3.Connection) -> None:
        for table, columns in self._tables.items():
            there = {row["name"] for row in store.execute(f"pragma table_info({table})")}
            if not there:
                key = f", primary key ({self._keys[table]})" if table in self._keys else ""
                own = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                store.execute(f"create table if not exists {table} ({own}{key})")
            for name in columns.keys() - there if there else ():
                store.execute(f"alter table {table} add column {name} {columns[name]}")
