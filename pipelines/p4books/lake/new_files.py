"""Files of a snapshot, on disk before the catalog names them.

DuckDB does not wait until the Parquet files that it writes are on disk, but Postgres does with its
rows: after a power failure the catalog would name files that are empty.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from p4books.lake.place import LakePlace
from p4books.storage.files import sync_path


class NewFiles:
    """The files that a transaction writes into the folder of a lake; an S3 has its own ways."""

    def __init__(self, place: LakePlace) -> None:
        self._folder = None if place.is_in_s3 else Path(place.data)
        self._known = set(self._list_files())

    def sync(self) -> None:
        """Return when all files that are new, and their folders, are on disk. Raises OSError."""
        new = set(self._list_files()) - self._known
        folders = {above for file in new for above in file.parents if self._is_ours(above)}
        for path in (*new, *folders):
            sync_path(path)

    def _list_files(self) -> Iterator[Path]:
        if self._folder is not None:
            for folder, _, names in os.walk(self._folder):
                yield from (Path(folder, name) for name in names)

    def _is_ours(self, folder: Path) -> bool:
        """Return whether a folder may be new: below the storage, the storage, or just above it."""
        return self._folder is not None and folder.is_relative_to(self._folder.parent.parent)


def commit_files(con: duckdb.DuckDBPyConnection, new_files: NewFiles) -> None:
    """Commit a transaction whose new files are on disk; the connection can open no file afterwards.

    DuckLake takes a lost answer of Postgres for a failure, and would delete the new files, although
    the catalog may name them by then. Files that it does not name are deleted by the next upkeep.
    Raises OSError and duckdb.Error.
    """
    new_files.sync()
    con.execute("set enable_external_access = false")
    con.execute("commit")
