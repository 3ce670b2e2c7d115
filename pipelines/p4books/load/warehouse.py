"""The warehouse file: checks on opening, replacement, generations, errors."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from p4books.errors import (
    DiskTrouble,
    LoadFailed,
    OutOfMemory,
    P4BooksError,
    WarehouseDamaged,
    WarehouseOpen,
    WarehouseTooNew,
)
from p4books.load.schema import FORMAT
from p4books.storage.database import open_database
from p4books.storage.files import replace_atomically

T = TypeVar("T")

GENERATIONS = 3  # newest earlier warehouses to keep
GENERATION_DAYS = 7  # days whose last warehouse is kept, too

_DAMAGED = ("Corrupt database", "Could not read enough bytes")  # in messages of DuckDB


def check_warehouse(path: Path) -> None:
    """Check that the warehouse can be read; one that does not exist yet passes.

    Raises WarehouseDamaged, WarehouseTooNew, WarehouseOpen and DiskTrouble.
    """
    if not path.exists():
        return
    try:
        with open_database(path, read_only=True) as con:
            row = con.execute("select max(format) from raw.p4books_format").fetchone()
    except duckdb.Error as error:
        raise _translate_open_error(path, str(error)) from None
    version = row[0] if row else None
    if not version or version < 1:
        raise WarehouseDamaged(path, "it has no known format")
    if version > FORMAT:
        raise WarehouseTooNew(path, version, FORMAT)


def change_warehouse(warehouse: Path, scratch: Path, change: Callable[[Path], T]) -> T:
    """Apply a change to a copy of the warehouse, replace it, and return what `change` returns.

    Raises what `change` raises, and the errors of `translate_error`.
    """
    copy = scratch / warehouse.name
    with translate_errors(warehouse, scratch):
        shutil.copyfile(warehouse, copy)
        result = change(copy)
    replace_warehouse(copy, warehouse, keep=True)
    return result


def replace_warehouse(copy: Path, warehouse: Path, *, keep: bool) -> None:
    """Replace the warehouse with a finished copy; `keep` the old one as a generation.

    Raises DiskTrouble.
    """
    try:
        if keep and warehouse.exists():
            _keep_generation(warehouse)
        replace_atomically(copy, warehouse, 0o600)
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


@contextmanager
def translate_errors(warehouse: Path, scratch: Path) -> Iterator[None]:
    """Raise errors of DuckDB and the system as P4BooksError."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise translate_error(error, warehouse, scratch) from None


def translate_error(error: BaseException, warehouse: Path, scratch: Path) -> P4BooksError:
    """Return the P4BooksError for an error of DuckDB, dlt or the system, by its first cause."""
    while error.__cause__ is not None:  # dlt wraps errors several times
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    first = text.splitlines()[0].rstrip(".")
    if isinstance(error, P4BooksError):
        return error
    if isinstance(error, OSError):
        return DiskTrouble(scratch, error.strerror or first)
    if "Out of Memory" in text:
        return OutOfMemory(first)
    if "No space left" in text or "could not write" in text.lower():
        return DiskTrouble(scratch, first.rsplit(": ", 1)[-1])
    if any(sign in text for sign in _DAMAGED) and "duckdb_temp" not in text:
        return WarehouseDamaged(warehouse, first)
    return LoadFailed(first)


def _translate_open_error(path: Path, text: str) -> P4BooksError:
    first = text.splitlines()[0].rstrip(".")
    if "Could not set lock" in text:
        return WarehouseOpen(path)
    if "Permission denied" in text:
        return DiskTrouble(path, "permission denied")
    if "newer version of DuckDB" in text or "newer DuckDB version" in text:
        return WarehouseTooNew(path, "of a newer DuckDB", "an older one")
    return WarehouseDamaged(path, first)


def _keep_generation(warehouse: Path) -> None:
    """Keep the warehouse as a generation, and delete those that are too old."""
    folder = warehouse.parent / "generations"
    folder.mkdir(exist_ok=True, mode=0o700)
    written = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
    kept = folder / f"warehouse-{written:%Y%m%dT%H%M%S%f}Z.duckdb"
    kept.unlink(missing_ok=True)
    os.link(warehouse, kept)
    newest_first = sorted(folder.glob("warehouse-*.duckdb"), reverse=True)
    last_of_day = {path.name[:18]: path for path in reversed(newest_first)}
    days = [last_of_day[day] for day in sorted(last_of_day, reverse=True)[:GENERATION_DAYS]]
    for path in set(newest_first[GENERATIONS:]) - set(days):
        path.unlink()
