"""Files of a snapshot, on disk before the catalog names them.

DuckDB does not wait until the Parquet files that it writes are on disk, but Postgres does with its
rows: after a power failure the catalog would name files that are empty.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from p4books.storage.database import quote_literal
from p4books.storage.files import sync_path
from p4books.storage.lake_place import LakePlace


class NewFiles:
    """The files that a transaction writes into the folder of a lake; an S3 has its own ways."""

    def __init__(self, place: LakePlace) -> None:
        self._folder = None if place.is_in_s3 else Path(place.data)
        self._data = place.data
        self._known = set(self._list_files())
        above = () if self._folder is None else (self._folder, *self._folder.parents)
        self._missing = {each for each in above if not each.exists()}
        self._known_folders = {each.parent for each in self._known}

    def sync(self) -> None:
        """Return when all files that are new, and their folders, are on disk. Raises OSError."""
        new = set(self._list_files()) - self._known
        made = {above for file in new for above in file.parents if self._is_made(above)}
        for path in new | {each.parent for each in new | made}:
            sync_path(path)

    def has_files(self, con: duckdb.DuckDBPyConnection) -> bool:
        """Return whether there were files of a lake before. Raises duckdb.Error."""
        if self._folder is not None:
            return bool(self._known)
        pattern = quote_literal(f"{self._data}**/*.parquet")
        return con.execute(f"from glob({pattern}) limit 1").fetchone() is not None

    def _list_files(self) -> Iterator[Path]:
        if self._folder is not None:
            for folder, _, names in os.walk(self._folder):
                yield from (Path(folder, name) for name in names)

    def _is_made(self, folder: Path) -> bool:
        """Return whether a folder may be new: one that was missing, or below the lake's own."""
        is_below = self._folder is not None and self._folder in folder.parents
        return folder in self._missing or (is_below and folder not in self._known_folders)


def commit_files(con: duckdb.DuckDBPyConnection, new_files: NewFiles) -> None:
    """Commit a transaction whose new files are on disk; the connection can open no file afterwards.

    DuckLake takes a lost answer of Postgres for a failure, and would delete the new files, although
    the catalog may name them by then. Files that it does not name are deleted by the next upkeep.
    Raises OSError and duckdb.Error.
    """
    new_files.sync()
    con.execute("set enable_external_access = false")
    con.execute("commit")
