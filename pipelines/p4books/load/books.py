"""Which books a tenant's files hold: a lost warehouse, a start from nothing, another address."""

import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    NothingToContinue,
    OtherBooks,
    RestoreInterrupted,
    WarehouseDamaged,
    WarehouseLost,
    count_of,
)
from p4books.load.schema import WarehouseState, create_tables, read_state
from p4books.load.warehouse import (
    change_warehouse,
    check_warehouse,
    describe_way_back,
    is_too_new,
    keep_all_generations,
    list_generations,
    replace_warehouse,
    set_aside,
)
from p4books.settings import Settings, normalize_address
from p4books.storage.database import open_database
from p4books.storage.files import copy_file
from p4books.storage.run_log import RunLog


def check_not_lost(settings: Settings) -> None:
    """Raise WarehouseLost if the warehouse is missing although this tenant had one.

    A new one would begin without its history. What shows that there was one: its generations, the
    run log, the ledger, or a published file. Raises RestoreInterrupted if a restore put only some
    of its files in place.
    """
    if settings.restoring.exists():
        raise RestoreInterrupted(settings.tenant)
    if settings.warehouse.exists():
        return
    if evidence := list(_find_evidence(settings)):
        way_back = describe_way_back(settings.warehouse)
        raise WarehouseLost(settings.warehouse, " and ".join(evidence), way_back)


def check_existing(settings: Settings) -> None:
    """Raise NothingToContinue if neither a warehouse nor a run of this tenant is known here.

    `check_not_lost` cannot notice that if the whole folder of the files is gone.
    """
    if not settings.warehouse.exists() and not settings.run_log.exists():
        raise NothingToContinue(settings.warehouse)


def start_from_nothing(settings: Settings, scratch: Path, log: RunLog, run: int) -> str:
    """Begin with an empty warehouse, on purpose; return a note that says what was kept.

    The warehouse, if there is one, becomes a generation, and no generation is ever deleted for
    those that follow; the ledger stays. Raises WarehouseTooNew, WarehouseOpen and DiskTrouble.
    """
    warehouse = settings.warehouse
    if not _is_empty(warehouse):
        set_aside(warehouse)
    keep_all_generations(warehouse)
    shutil.rmtree(settings.spool, ignore_errors=True)
    log.mark_lost(after=0, run=run)
    empty = scratch / warehouse.name
    create_tables(empty, tuple(ENDPOINTS.values()))
    replace_warehouse(empty, warehouse, keep=False)
    note = "Started from nothing: all lists are copied again, and their history begins now."
    if generations := list_generations(warehouse):
        note += f" The earlier warehouses stay in {generations[0].parent}."
    return note


def continue_from_generation(
    settings: Settings, scratch: Path, state: WarehouseState, log: RunLog, run: int
) -> str | None:
    """Bring the run log into line with a warehouse that was put back; None if none was.

    Later runs loaded into another warehouse, so nothing that they read or missed counts. One that
    has the last change was not put back: an earlier version loaded, which leaves no number in it.
    """
    if not state.run or state.was_changed_at(log.load_last_change()):
        return None
    if not log.mark_lost(after=state.run, run=run):
        return None
    change_warehouse(settings.warehouse, scratch, _forget_missed)
    return (
        f"An earlier warehouse was put back, as it was after run {state.run}: what later runs "
        "loaded is read again."
    )


def check_books(settings: Settings, state: WarehouseState, log: RunLog) -> None:
    """Raise OtherBooks if the warehouse has the books of another address.

    A warehouse of an earlier version does not say so, but the run log has the addresses of lists.
    """
    addresses = state.addresses
    if not addresses and state.scans:
        read = [normalize_address(address) for address in log.load_addresses()]
        addresses = read if normalize_address(settings.address) not in read else ()
    if addresses and not are_same_books(addresses[-1], settings, addresses):
        raise OtherBooks(
            f"The warehouse of tenant {settings.tenant} has the books of {addresses[-1]}",
            settings.address,
            "Nothing was requested or changed: the books of two companies would be mixed.",
        )


def find_unfinished_lists(settings: Settings, scratch: Path, copied: Collection[str]) -> list[str]:
    """Return the lists of which the published file has rows and the warehouse no complete copy.

    `copied` are the lists with a complete copy. After a start from nothing, the published file is
    not replaced by one that has less. If it is not known what it has, it may have all lists.
    """
    waiting = [name for name in settings.endpoints if name not in copied]
    if not waiting or not settings.published.is_file():
        return []
    rows = _count_rows_of_any(settings.published, scratch)
    return waiting if rows is None else [name for name in waiting if rows.get(name)]


def are_same_books(before: str | None, settings: Settings, confirmed: Sequence[str]) -> bool:
    """Return whether an address is that of the settings, or confirmed to have the same books.

    `confirmed` are the addresses of the warehouse, the latest one last: whoever moved it from one
    to the next said that the books are the same.
    """
    now = normalize_address(settings.address)
    if before is None or normalize_address(before) == now:
        return True
    return normalize_address(before) in confirmed and confirmed[-1] == now


def _is_empty(warehouse: Path) -> bool:
    """Return whether a warehouse has no list yet. Raises what `check_warehouse` raises."""
    try:
        check_warehouse(warehouse)
        return not read_state(warehouse).scans
    except (WarehouseDamaged, duckdb.Error):  # or its format is the first one, without scans
        return False


def _find_evidence(settings: Settings) -> Iterator[str]:
    """Yield what shows that a tenant had a warehouse, as clauses."""
    if generations := list_generations(settings.warehouse):
        yield f"it left {count_of(len(generations), 'generation')}"
    if run := RunLog(settings.run_log).last_loaded_run():
        yield f"run {run} loaded rows into it"
    if pushes := _count_pushes(settings.ledger):
        yield f"the ledger has {count_of(pushes, 'push')}"
    if published := _describe_published(settings):
        yield published


def _count_pushes(ledger: Path) -> int:
    """Count the pushes in a ledger: each was validated against a warehouse."""
    if not ledger.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True)) as con:
            return int(con.execute("select count(*) from push").fetchone()[0])
    except sqlite3.Error:  # no push ever began, or it is damaged, which a push reports
        return 0


def _describe_published(settings: Settings) -> str | None:
    """Say what the published file has that a new one would not have; None if that is nothing."""
    path = settings.published
    if not path.is_file() or not path.stat().st_size:
        return None
    try:
        with open_database(path, read_only=True) as con:
            (tenant,) = con.execute("select tenant from about").fetchone() or ("another tenant",)
            rows = count_published_rows(con)
    except duckdb.Error as error:
        why = str(error).splitlines()[0].rstrip(".")
        return f"{path} is there and cannot be read ({why})"
    if tenant.casefold() != settings.tenant.casefold():
        return f"{path} has the books of tenant {tenant}"
    total = sum(rows.values())
    return f"{path} has {count_of(total, 'row')} from it" if total else None


def count_published_rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the rows of each list in a published file, deleted ones included."""
    models = {f"{name}_history": name for name in ENDPOINTS}
    rows = con.execute(
        "select model, rows from catalogue where layer = 'staging' and list_contains(?, model)",
        [list(models)],
    ).fetchall()
    return {models[model]: int(count) for model, count in rows}


def _count_rows_of_any(file: Path, scratch: Path) -> dict[str, int] | None:
    """Count the rows of each list in a file that may be damaged, or open in another program.

    A copy without its log is not locked and has what was published. None if that may be more than
    can be read here; if nobody can read it, it has no rows.
    """
    try:
        with open_database(file, read_only=True) as con:
            return count_published_rows(con)
    except duckdb.Error:
        pass
    copy = scratch / "published-copy.duckdb"
    try:
        copy_file(file, copy)
        with open_database(copy, read_only=True) as con:
            return count_published_rows(con)
    except (OSError, duckdb.OutOfMemoryException):
        return None
    except duckdb.Error as error:
        return None if is_too_new(str(error)) else {}
    finally:
        copy.unlink(missing_ok=True)


def _forget_missed(copy: Path) -> None:
    """Forget which rows the last scan missed: it was not the last one."""
    with open_database(copy) as con:
        con.execute("delete from raw.missed")
