"""Copies of SQLite files that other processes are writing."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy_sqlite(source: Path, target: Path) -> Path:
    """Copy an SQLite file as it is at one instant, log included, and return `target`.

    The copy is one file. Writers wait no longer than for a reader. Raises sqlite3.Error if it
    cannot be read or is damaged.
    """
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    address = f"{source.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=30)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("pragma journal_mode = delete")
        check_sqlite(new)
    return target


def check_sqlite(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if the file is damaged."""
    (result,) = connection.execute("pragma quick_check(1)").fetchone()
    if result != "ok":
        raise sqlite3.DatabaseError(result)


def is_readable_sqlite(path: Path) -> bool:
    """Return whether an SQLite file is there, can be read and is not damaged."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            check_sqlite(connection)
    except sqlite3.Error:
        return False
    return True
