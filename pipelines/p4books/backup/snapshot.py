"""Snapshot of a tenant's private files at one instant, also while a sync or a push runs.

The warehouse is replaced, never written, so a second name of it is a copy that nobody changes. If
it is the same one before and after the log of runs was copied, the two fit each other. The ledger
is copied last, so it knows every record that the warehouse may have from a push.
"""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from p4books.backup.errors import BooksKeepChanging, LogDamaged, NothingToBackUp
from p4books.backup.manifest import ALERT_LOG, LEDGER, RUN_LOG, WAREHOUSE
from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble, WarehouseDamaged
from p4books.load.books import check_not_lost
from p4books.load.schema import WarehouseState, read_state
from p4books.load.warehouse import check_warehouse, describe_way_back
from p4books.settings import Settings
from p4books.storage.database import open_database
from p4books.storage.files import copy_file
from p4books.storage.sqlite_copy import copy_sqlite

ATTEMPTS = 20  # a run replaces the warehouse once


@dataclass(frozen=True)
class Snapshot:
    """Files that fit each other, by their names in a backup; nobody changes them.

    `instant` is before the ledger was copied. `rows` are the active rows by list.
    """

    instant: datetime
    files: Mapping[str, Path]
    state: WarehouseState
    rows: Mapping[str, int]


def take_snapshot(settings: Settings, scratch: Path) -> Snapshot:
    """Copy the files of a tenant into `scratch`; the copy of the warehouse is a hard link.

    Raises NothingToBackUp, WarehouseLost, RestoreInterrupted, WarehouseDamaged, WarehouseTooNew,
    WarehouseOpen, LogDamaged, BooksKeepChanging and DiskTrouble.
    """
    check_not_lost(settings)
    if not settings.warehouse.exists():
        raise NothingToBackUp(settings.tenant)
    check_warehouse(settings.warehouse)
    files = _copy_warehouse_and_log(settings, scratch)
    instant = datetime.now(UTC)
    for name, path in ((LEDGER, settings.ledger), (ALERT_LOG, settings.alert_log)):
        if path.exists():
            files[name] = _copy_sqlite(path, scratch / name)
    check_warehouse(files[WAREHOUSE])
    try:
        return Snapshot(instant, files, read_state(files[WAREHOUSE]), count_rows(files[WAREHOUSE]))
    except duckdb.Error as error:
        why = str(error).splitlines()[0].rstrip(".")
        way_back = describe_way_back(settings.warehouse)
        raise WarehouseDamaged(settings.warehouse, why, way_back) from None


def count_rows(warehouse: Path) -> dict[str, int]:
    """Count the active rows of each list; one that the warehouse lacks has none."""
    with open_database(warehouse, read_only=True) as con:
        tables = {
            name
            for (name,) in con.execute(
                "select table_name from duckdb_tables() where schema_name = 'raw'"
            ).fetchall()
        }
        return {name: _count(con, name) for name in ENDPOINTS if name in tables}


def _copy_warehouse_and_log(settings: Settings, scratch: Path) -> dict[str, Path]:
    for _ in range(ATTEMPTS):
        try:
            warehouse = _link(settings.warehouse, scratch / WAREHOUSE)
            before = _identify(settings.warehouse)
            check_not_lost(settings)  # a restore may have put that one in place, but no log yet
            files = {WAREHOUSE: warehouse}
            if settings.run_log.exists():
                files[RUN_LOG] = _copy_sqlite(settings.run_log, scratch / RUN_LOG)
            if _identify(settings.warehouse) == before == _identify(warehouse, like=before):
                return files
        except FileNotFoundError:
            raise NothingToBackUp(settings.tenant) from None
        except OSError as error:
            raise DiskTrouble(scratch, error.strerror or str(error)) from None
    raise BooksKeepChanging


def _link(source: Path, target: Path) -> Path:
    """Give a file a second name; on another file system, copy it."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        copy_file(source, target)
        info = source.stat()
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    return target


def _identify(path: Path, like: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return what tells a file from the one that replaces it; for a copy, the file it is of."""
    info = path.stat()
    if like and (info.st_size, info.st_mtime_ns) == like[2:]:
        return like
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


def _copy_sqlite(source: Path, target: Path) -> Path:
    try:
        return copy_sqlite(source, target)
    except sqlite3.Error as error:
        if "full" in str(error):
            raise DiskTrouble(target, str(error)) from None
        raise LogDamaged(source, str(error)) from None


def _count(con: duckdb.DuckDBPyConnection, name: str) -> int:
    row = con.execute(f"select count(*) from raw.{name} where _dlt_valid_to is null").fetchone()
    return int(row[0]) if row else 0
