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

GENERATIONS = 3  # earlier warehouses kept, and one more for each of the last
DAYS = 7  # days

_DAMAGED = ("Corrupt database", "Could not read enough bytes")  # as DuckDB says it


def check_warehouse(path: Path) -> None:
    """Make sure that the warehouse can be read by us; one that is not there yet can.

    Raises WarehouseDamaged, WarehouseTooNew, WarehouseOpen and DiskTrouble.
    """
    if not path.exists():
        return
    try:
        with open_database(path, read_only=True) as con:
            row = con.execute("select max(format) from raw.p4books_format").fetchone()
    except duckdb.Error as error:
        raise _translate_open_error(path, str(error)) from None
    found = row[0] if row else None
    if not found or found < 1:
        raise WarehouseDamaged(path, "it has no known format")
    if found > FORMAT:
        raise WarehouseTooNew(path, found, FORMAT)


def _translate_open_error(path: Path, text: str) -> P4BooksError:
    first = text.splitlines()[0].rstrip(".")
    if "Could not set lock" in text:
        return WarehouseOpen(path)
    if "Permission denied" in text:
        return DiskTrouble(path, "permission denied")
    if "newer version of DuckDB" in text or "newer DuckDB version" in text:
        return WarehouseTooNew(path, "of DuckDB's own", "an older one")
    return WarehouseDamaged(path, first)


def change_warehouse(warehouse: Path, scratch: Path, change: Callable[[Path], T]) -> T:
    """Change a copy of the warehouse, put it in its place, and return what `change` does.

    Raises what `change` and `load` do.
    """
    made = scratch / "warehouse.duckdb"
    with translate_errors(warehouse, scratch):
        shutil.copyfile(warehouse, made)
        done = change(made)
    replace_warehouse(made, warehouse, keep=True)
    return done


def replace_warehouse(made: Path, warehouse: Path, *, keep: bool) -> None:
    """Put the finished copy in the warehouse's place; `keep` the one before it as a generation."""
    try:
        if keep and warehouse.exists():
            _keep_generation(warehouse)
        replace_atomically(made, warehouse, 0o600)
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


@contextmanager
def translate_errors(warehouse: Path, scratch: Path) -> Iterator[None]:
    """Raise what DuckDB and the system do not do as a P4BooksError."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise translate_error(error, warehouse, scratch) from None


def translate_error(error: BaseException, warehouse: Path, scratch: Path) -> P4BooksError:
    """Say in one sentence what DuckDB, dlt or the system did not do: by the first of its causes."""
    while error.__cause__ is not None:  # dlt wraps it several times
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


def _keep_generation(warehouse: Path) -> None:
    """Keep the last few warehouses and the last one of each of the last days."""
    folder = warehouse.parent / "generations"
    folder.mkdir(exist_ok=True, mode=0o700)
    written = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
    kept = folder / f"warehouse-{written:%Y%m%dT%H%M%S%f}Z.duckdb"
    kept.unlink(missing_ok=True)
    os.link(warehouse, kept)
    newest_first = sorted(folder.glob("warehouse-*.duckdb"), reverse=True)
    last_of_day = {path.name[:18]: path for path in reversed(newest_first)}
    days = [last_of_day[day] for day in sorted(last_of_day, reverse=True)[:DAYS]]
    for path in set(newest_first[GENERATIONS:]) - set(days):
        path.unlink()
