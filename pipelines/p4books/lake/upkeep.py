"""Upkeep of a tenant's lake: few files, and no snapshots older than the setting `keep`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from p4books.lake.connection import attach_lake, open_lake_database, translate_errors
from p4books.lake.errors import LakeLost, LakeMissing
from p4books.lake.new_files import NewFiles
from p4books.lake.place import LakePlace, require_lake
from p4books.lake.snapshots import load_last_number
from p4books.lake.write import AUTHOR, LAKE, IsMine
from p4books.settings import Lake, Settings
from p4books.storage.database import quote_literal, retry_with_more_memory

LEFT = "No snapshot that is kept is changed; the next upkeep does the rest."
GRACE = timedelta(days=1)  # in which a reader may still open a file that is no longer needed

_REWRITING = ("flush_inlined_data", "merge_adjacent_files", "rewrite_data_files")


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
) -> UpkeepResult:
    """Expire old snapshots, merge small files, and delete those that no snapshot needs.

    The last snapshot always stays, and what is deleted was not needed for a day. The caller has the
    lock of the tenant; `is_mine` is as in `write_lake`. `now` is the time, by default that of this
    machine's clock. Raises NoLake, LakeMissing, LakeTrouble, LakeConflict, LakeLost,
    PostgresTrouble, OutOfMemory, SettingsError and UsageError.
    """
    place, lake = require_lake(settings), settings.lake
    if load_last_number(place) is None:
        raise LakeMissing(place.tenant)
    keep = lake.keep if lake else Lake.keep
    now = now or datetime.now(UTC)

    def tidy(memory: str) -> UpkeepResult:
        with (
            translate_errors(place, LEFT),
            open_lake_database([place], scratch, memory) as con,
        ):
            attach_lake(con, place, LAKE, {"create_if_not_exists": "false"})

            def call(function: str, options: str = "") -> int:
                if not is_mine():
                    raise LakeLost(place.tenant)
                return _call(con, place, function, options)

            expired = call("expire_snapshots", f"older_than => {_quote_time(now - keep)}")
            rewritten = sum(map(call, _REWRITING))
            unused = f"older_than => {_quote_time(now - GRACE)}"
            deleted = call("cleanup_old_files", unused) + call("delete_orphaned_files", unused)
        return UpkeepResult(expired, rewritten, deleted)

    return retry_with_more_memory(tidy)


def _call(con: duckdb.DuckDBPyConnection, place: LakePlace, function: str, options: str) -> int:
    """Call a function of DuckLake in a transaction, and return the number of rows it returns."""
    new_files = NewFiles(place)
    con.execute("begin")
    arguments = ", ".join(filter(None, [quote_literal(LAKE), options]))
    done = con.execute(f"call ducklake_{function}({arguments})").fetchall()
    con.execute(f"call {LAKE}.set_commit_message({quote_literal(AUTHOR)}, 'Upkeep')")
    new_files.sync()
    con.execute("commit")
    return len(done)


def _quote_time(time: datetime) -> str:
    return f"{quote_literal(time.isoformat(' '))}::timestamptz"
