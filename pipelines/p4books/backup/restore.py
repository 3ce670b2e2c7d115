"""One restore: collect, check, put in place. The first file to read.

All files are collected and checked in a folder first. Renaming that folder decides: before it, the
old files are in use; after it, `sync`, `push` and `report` wait until a restore has put the new
ones in place, this one or the next. What they replace is kept.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec

from p4books.backup.errors import BackupDamaged, BackupTooNew, OtherTenantsBackup
from p4books.backup.manifest import ALERT_LOG, LEDGER, RUN_LOG, WAREHOUSE
from p4books.backup.snapshot import count_rows
from p4books.backup.sources import FoundBackup, find_source
from p4books.errors import (
    DiskTrouble,
    WarehouseDamaged,
    WarehouseTooNew,
)
from p4books.home import hold_state
from p4books.load.schema import FORMAT
from p4books.load.warehouse import (
    check_warehouse,
    name_generation,
    parse_generation,
    replace_warehouse,
    set_aside,
)
from p4books.push.ledger import Ledger
from p4books.push.recovery import is_continued, merge_ledger, open_gap
from p4books.settings import Settings, normalize_address
from p4books.storage.files import copy_file, replace_atomically, sync_path, tenant_lock
from p4books.storage.run_log import RunLog
from p4books.storage.sqlite_copy import is_readable_sqlite

_PLAN = "restore.json"
_LOGS = ("", "-wal", "-shm", "-journal")  # of SQLite, beside its file


@dataclass(frozen=True)
class RestoreResult:
    """What was restored: a backup or a generation, its rows, and notes on what became of the rest.

    `resumed`: it was begun by an earlier restore.
    """

    name: str
    kind: str
    instant: datetime | None
    rows: int
    notes: tuple[str, ...] = ()
    resumed: bool = False


def restore(
    settings: Settings,
    name: str,
    place: str | None = None,
    *,
    same_books: bool = False,
    ledger_complete: bool = False,
) -> RestoreResult:
    """Put a generation or a backup in the place of the tenant's files.

    `name` is that of a generation, of a backup in `place` (by default that of the settings), or the
    path or URL of a backup. `same_books`: the address of P4 Books has changed. `ledger_complete`:
    nothing was pushed after the backup, so that its ledger lacks nothing. An earlier restore that
    was stopped is finished first. Raises P4BooksError; the files are unchanged then.
    """
    with _lock(settings):
        if settings.restoring.exists():
            _put_in_place(settings)
        source = find_source(settings, name, place)
        _check_present(settings)
        with _collecting(settings) as folder:
            if isinstance(source, Path):
                result = _collect_generation(source, folder)
            else:
                result = _collect_backup(settings, source, folder, same_books=same_books)
                _prepare_logs(settings, folder, result, ledger_complete=ledger_complete)
            _write_plan(folder, result)
            folder.rename(settings.restoring)
            sync_path(settings.private)
        return _put_in_place(settings)


def finish_restore(settings: Settings) -> RestoreResult | None:
    """Put the files of a restore that was stopped in place; None if there is none."""
    if not settings.restoring.exists():
        return None
    with _lock(settings):
        if not settings.restoring.exists():
            return None
        return replace(_put_in_place(settings), resumed=True)


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """Keep syncs, pushes and evaluations of alerts of the tenant from beginning."""
    with ExitStack() as locks:
        locks.enter_context(hold_state(settings, taking="if_whole"))
        for name in ("push", "alerts"):
            locks.enter_context(tenant_lock(settings, name))
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise DiskTrouble(settings.private, why) from None


@contextmanager
def _collecting(settings: Settings) -> Iterator[Path]:
    """Create an empty folder beside the tenant's files, without what a dead restore left."""
    folder = settings.restoring.with_name("restoring.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_present(settings: Settings) -> None:
    """Raise WarehouseOpen if another program has the warehouse open; it may be of any state."""
    try:
        check_warehouse(settings.warehouse)
    except (WarehouseDamaged, WarehouseTooNew):  # a reason to restore
        return


def _collect_generation(generation: Path, folder: Path) -> RestoreResult:
    target = folder / WAREHOUSE
    try:
        os.link(generation, target)
    except OSError:  # without hard links
        copy_file(generation, target)
    os.utime(target)  # so that it is a newer generation later than what it replaces
    check_warehouse(target)
    rows = _count_all_rows(target)
    name = name_generation(generation)
    return RestoreResult(name, "generation", parse_generation(generation), rows)


def _collect_backup(
    settings: Settings, found: FoundBackup, folder: Path, *, same_books: bool
) -> RestoreResult:
    """Copy the files of a backup, and check that they are what its manifest says."""
    manifest = found.manifest
    if manifest is None:
        raise found.error or BackupDamaged(found.name, "it has no manifest")
    if manifest.warehouse_format > FORMAT:
        raise BackupTooNew(manifest.name, manifest.p4books_version)
    ours = normalize_address(settings.address)
    if manifest.addresses and manifest.addresses[-1] != ours and not same_books:
        remedy = "If these are the same books at a new address, use --same-books."
        raise OtherTenantsBackup(manifest.name, manifest.addresses[-1], ours, remedy)
    for name, file in manifest.files.items():
        digest, size = _copy(found, name, folder / name)
        if (size, digest) != (file.size, file.sha256):
            raise BackupDamaged(manifest.name, f"{name} is not as it was written")
    check_warehouse(folder / WAREHOUSE)
    rows = _count_all_rows(folder / WAREHOUSE)
    return RestoreResult(manifest.name, "backup", manifest.instant, rows)


def _copy(found: FoundBackup, name: str, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        for chunk in found.place.open(found.folder, name):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _count_all_rows(warehouse: Path) -> int:
    try:
        return sum(count_rows(warehouse).values())
    except duckdb.Error as error:
        raise BackupDamaged(warehouse.name, str(error).splitlines()[0].rstrip(".")) from None


def _prepare_logs(
    settings: Settings, folder: Path, result: RestoreResult, *, ledger_complete: bool
) -> None:
    """Decide which logs are put in place: what the present ones know is never forgotten."""
    run_log, ledger = folder / RUN_LOG, folder / LEDGER
    is_own = run_log.exists() and _is_continued_log(settings.run_log, run_log)
    if is_own:
        run_log.unlink()
    if is_readable_sqlite(settings.alert_log):
        (folder / ALERT_LOG).unlink(missing_ok=True)
    if ledger.exists():
        may_lack = not (
            is_readable_sqlite(settings.ledger) and is_continued(settings.ledger, ledger)
        )
        if not may_lack:
            ledger.unlink()
    else:  # nothing was pushed before the backup; since then, another machine may have
        may_lack = not is_own
    if may_lack and result.instant and not ledger_complete:
        open_gap(ledger, result.instant)


def _is_continued_log(present: Path, copy: Path) -> bool:
    """Return whether the present log of runs has the last run of a copy."""
    if not is_readable_sqlite(present):
        return False
    last = RunLog(copy).load_runs(1)
    ours = RunLog(present).load_run(last[0].id) if last else None
    return not last or (ours is not None and ours.started_at == last[0].started_at)


def _write_plan(folder: Path, result: RestoreResult) -> None:
    with (folder / _PLAN).open("wb") as file:
        file.write(msgspec.json.encode(result))
        file.flush()
        os.fsync(file.fileno())
    sync_path(folder)


def _put_in_place(settings: Settings) -> RestoreResult:
    """Put the collected files in place; what was stopped in the middle is continued.

    The ledger comes first: it may know more than the warehouse, but not less.
    """
    folder = settings.restoring
    result = msgspec.json.decode((folder / _PLAN).read_bytes(), type=RestoreResult)
    notes: list[str] = []
    if (ledger := folder / LEDGER).exists():
        notes.append(_put_ledger(settings, ledger))
    if (warehouse := folder / WAREHOUSE).exists():
        notes += _put_warehouse(settings, warehouse)
    for name, target in ((RUN_LOG, settings.run_log), (ALERT_LOG, settings.alert_log)):
        if (file := folder / name).exists():
            notes += _put_sqlite(settings, file, target)
    remains = folder.with_name("restoring.new")
    folder.rename(remains)
    sync_path(settings.private)
    shutil.rmtree(remains, ignore_errors=True)
    return replace(result, notes=tuple(notes))


def _put_ledger(settings: Settings, ledger: Path) -> str:
    """Put a ledger in place; if there is one, let it know what this one knows, too."""
    if is_readable_sqlite(settings.ledger):
        merge_ledger(settings.ledger, ledger)
        _remove_sqlite(ledger)
        return "The ledger has its own pushes and those of the backup now." + _describe_gap(
            settings
        )
    with closing(sqlite3.connect(ledger)) as connection:  # into one file, without a log
        connection.execute("pragma journal_mode = delete")
    notes = _put_sqlite(settings, ledger, settings.ledger)
    return " ".join([*notes, "The ledger was put in place." + _describe_gap(settings)])


def _describe_gap(settings: Settings) -> str:
    """Say what a gap of the ledger means for pushes; empty without one."""
    with Ledger(settings.ledger) as ledger:
        gap = ledger.load_gap()
    if gap is None:
        return ""
    return (
        f" It lacks what was pushed after {gap.since}, so a push looks up records that are new to "
        "it instead of sending them, until it is run with --ledger-complete."
    )


def _put_warehouse(settings: Settings, warehouse: Path) -> Sequence[str]:
    shutil.rmtree(settings.spool, ignore_errors=True)  # of scans that the other warehouse knew
    notes = []
    if settings.warehouse.exists():
        set_aside(settings.warehouse)
        notes.append("The warehouse that was there is kept as a generation.")
    replace_warehouse(warehouse, settings.warehouse, keep=False)
    return notes


def _put_sqlite(settings: Settings, file: Path, target: Path) -> list[str]:
    """Replace an SQLite file; keep the old one and its logs, which belong to no other."""
    kept = settings.private / "replaced" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    notes = []
    for suffix in reversed(_LOGS):
        old = target.with_name(target.name + suffix)
        if old.exists():
            kept.mkdir(parents=True, exist_ok=True, mode=0o700)
            old.rename(kept / old.name)
            notes = [f"The {target.name} that was there is kept in {kept}."]
    replace_atomically(file, target, 0o600)
    return notes


def _remove_sqlite(file: Path) -> None:
    for suffix in reversed(_LOGS):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
