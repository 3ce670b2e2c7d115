"""Upkeep of a tenant's lake: few files, and no snapshots older than the setting `keep`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from p4books.lake.connection import attach_lake, open_lake_database, translate_errors
from p4books.lake.errors import LakeLost, LakeMissing
from p4books.lake.new_files import NewFiles, commit_files
from p4books.lake.place import require_lake
from p4books.lake.snapshots import list_crowded_tables, load_last_number, load_server_time
from p4books.lake.write import AUTHOR, LAKE, IsMine
from p4books.settings import Lake, Settings
from p4books.storage.database import quote_literal, retry_with_more_memory
from p4books.storage.lake_place import LakePlace
from p4books.storage.run_log import RunLog

LEFT = "No snapshot that is kept is changed; the next upkeep does the rest."
GRACE = timedelta(days=1)  # in which a reader may still open a file that is no longer needed

MOST_FILES = (
    16  # of a table; DuckLake merges none of which rows are deleted, so these are rewritten
)


@dataclass(frozen=True)
class UpkeepResult:
    """What upkeep did: snapshots that expired, files that were rewritten, and deleted."""

    expired: int
    rewritten: int
    deleted: int


def tidy_lake(
    settings: Settings,
    scratch: Path,
    is_mine: IsMine = lambda: True,
    now: datetime | None = None,
    most_files: int = MOST_FILES,
) -> UpkeepResult:
    """Expire old snapshots, merge small files, and delete those that no snapshot needs.

    The last snapshot is always kept, and what is deleted was not needed for a day. The caller has
    the lock of the tenant; `is_mine` says whether the tenant is still its own, and is asked before
    each step. `now` is the time, by default that of the server of the catalog; a table with more
    than `most_files` becomes one file. Raises NoLake, LakeMissing, LakeTrouble, LakeUncertain,
    LakeConflict, LakeLost, PostgresTrouble, OutOfMemory, SettingsError and UsageError.
    """
    place, lake = require_lake(settings), settings.lake
    if (last := load_last_number(place)) is None:
        raise LakeMissing(place.tenant)
    keep = lake.keep if lake else Lake.keep
    now = now or load_server_time(place)

    def call(function: str, *options: str) -> int:
        return retry_with_more_memory(
            lambda memory: _call(place, scratch, memory, is_mine, function, options)
        )

    expired = call("expire_snapshots", f"older_than => {_quote_time(now - keep)}")
    rewritten = call("flush_inlined_data") + call("rewrite_data_files")
    for layer, name in list_crowded_tables(place, most_files):
        table = (quote_literal(name), f"schema => {quote_literal(layer)}")
        rewritten += call("rewrite_data_files", *table, "delete_threshold => 0")
    rewritten += call("merge_adjacent_files")
    unused = f"older_than => {_quote_time(now - GRACE)}"
    deleted = call("cleanup_old_files", unused) + call("delete_orphaned_files", unused)
    _remember_number(RunLog(settings.run_log), place, last)
    return UpkeepResult(expired, rewritten, deleted)


def _remember_number(log: RunLog, place: LakePlace, last: int) -> None:
    """Remember that the snapshots after `last`, which was the last one before, are of upkeep."""
    record = log.load_lake()
    if record is not None and (record.place, record.snapshot) == (place.identity, last):
        log.save_lake(replace(record, snapshot=load_last_number(place) or last))


def _call(  # noqa: PLR0913 - one step of tidy_lake, with what it works on
    place: LakePlace,
    scratch: Path,
    memory: str,
    is_mine: IsMine,
    function: str,
    options: Sequence[str],
) -> int:
    """Call a function of DuckLake in a transaction, and return the number of rows it returns.

    It has a connection of its own, which can open no file after the commit.
    """
    if not is_mine():
        raise LakeLost(place.tenant)
    with translate_errors(place, LEFT), open_lake_database([place], scratch, memory) as con:
        attach_lake(con, place, LAKE, {"create_if_not_exists": "false"})
        new_files = NewFiles(place)
        con.execute("begin")
        arguments = ", ".join([quote_literal(LAKE), *options])
        done = con.execute(f"call ducklake_{function}({arguments})").fetchall()
        con.execute(f"call {LAKE}.set_commit_message({quote_literal(AUTHOR)}, 'Upkeep')")
        commit_files(con, new_files)
    return len(done)


def _quote_time(time: datetime) -> str:
    return f"{quote_literal(time.isoformat(' '))}::timestamptz"
