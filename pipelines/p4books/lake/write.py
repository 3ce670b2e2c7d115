"""One snapshot of the lake: all tables of the published file that differ, in one transaction.

What differs is found by digests of the rows, which the lake has of its own tables. Of a table that
differs, the rows that changed are deleted and inserted, so that the storage grows by them only.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from p4books.lake.connection import (
    INLINED_ROWS,
    attach_lake,
    open_lake_database,
    translate_errors,
)
from p4books.lake.errors import LEFT, LakeDiffers, LakeLost, LakeOccupied
from p4books.lake.new_files import NewFiles, commit_files
from p4books.lake.snapshots import load_data_path, load_last_number, move_empty_lake
from p4books.lake.tables import LakeTable, digest_rows, fit_values, list_tables
from p4books.publish.published_file import inspect_published
from p4books.publish.query import result_columns
from p4books.settings import Settings
from p4books.storage.database import (
    quote_identifier,
    quote_literal,
    quote_path,
    retry_with_more_memory,
)
from p4books.storage.lake_place import LakePlace, find_lake
from p4books.storage.run_log import LakeRecord, RunLog

AUTHOR = "p4books"
LAKE = "lake"  # the name under which it is attached

_FILE = "published"
_LIST = f"{LAKE}.main.lake_tables"  # what each snapshot says of itself
_LIST_COLUMNS = {
    "layer": "varchar",
    "model": "varchar",
    "layout": "varchar",
    "comments": "varchar",
    "rows": "bigint",
    "digest": "varchar",
}
_LIST_COMMENT = "One row per table of the lake: its layout and a digest of its rows; null of views."

IsMine = Callable[[], bool]
Key = tuple[str, str]


@dataclass(frozen=True)
class LakeSnapshot:
    """A snapshot that was written: its number, the tables that changed, and notes.

    `number` is None if nothing differed, so that none was needed.
    """

    number: int | None
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """What the lake says of one of its tables."""

    layout: str
    comments: str
    rows: int | None
    digest: str | None


def write_lake(
    settings: Settings, run: int | None, scratch: Path, is_mine: IsMine = lambda: True
) -> LakeSnapshot | None:
    """Write what the lake lacks of the published file as one snapshot, whole or not at all.

    `run` is the number of the run that published it. `is_mine` says whether the tenant is still
    this run's: it is asked after the state was read that a snapshot of another run would change,
    so one that is written after that makes this one fail. The caller has the lock of the tenant.
    None if there is no lake, or if it has all of the file already. Raises LakeTrouble,
    LakeUncertain, LakeConflict, LakeLost, LakeDiffers, LakeOccupied, PostgresTrouble, OutOfMemory,
    SettingsError and UsageError.
    """
    place, log = find_lake(settings), RunLog(settings.run_log)
    published = log.load_published()
    if place is None or published is None or inspect_published(settings).damage:
        return None
    last = load_last_number(place, LEFT)
    if _has_all(last, place, log.load_lake(), published.digest):
        return None
    write = partial(_write_snapshot, place, settings.published, run, scratch, is_mine)
    snapshot = retry_with_more_memory(write)
    number = last or 0 if snapshot.number is None else snapshot.number
    log.save_lake(LakeRecord(published.digest, place.identity, number, time.time()))
    return snapshot


def _has_all(last: int | None, place: LakePlace, record: LakeRecord | None, digest: str) -> bool:
    """Return whether the lake has all of a published file, as far as this machine knows.

    `last` is the number of its last snapshot. A catalog that was restored from a backup, or is
    another one, lacks the snapshot of the record; one that is ahead was written by a run whose
    state this machine does not have.
    """
    return record is not None and place.has_all(record, digest) and last == record.snapshot


def _write_snapshot(  # noqa: PLR0913 - one step of write_lake, with what it works on
    place: LakePlace,
    published: Path,
    run: int | None,
    scratch: Path,
    is_mine: IsMine,
    memory: str,
) -> LakeSnapshot:
    with translate_errors(place, LEFT), open_lake_database([place], scratch, memory) as con:
        con.execute(f"attach {quote_path(published)} as {_FILE} (read_only)")
        options = {
            "data_path": quote_literal(place.data),
            "data_inlining_row_limit": str(INLINED_ROWS),
        }
        new_files = NewFiles(place)
        _claim_place(con, place, new_files)
        attach_lake(con, place, LAKE, options)
        con.execute("begin")
        writer = _SnapshotWriter(con)
        if not is_mine():  # after the first read, which is of the state that others may change
            raise LakeLost(place.tenant)
        writer.write_tables()
        if not writer.changed:
            con.execute("rollback")
            return LakeSnapshot(None, (), tuple(writer.notes))
        writer.describe_snapshot(run)
        commit_files(con, new_files)
        number = con.execute(f"from ducklake_last_committed_snapshot('{LAKE}')").fetchone()
    return LakeSnapshot(number[0] if number else None, tuple(writer.changed), tuple(writer.notes))


def _claim_place(con: duckdb.DuckDBPyConnection, place: LakePlace, new_files: NewFiles) -> None:
    """Let a lake that has nothing yet be where the settings say. Raises LakeOccupied.

    It may have been created while they led elsewhere, by a run that could write nothing there.
    """
    last = load_last_number(place, LEFT)
    is_moved = last == 0 and load_data_path(place, LEFT) != place.data
    if (last is None or is_moved) and new_files.has_files(con):
        raise LakeOccupied(place.tenant, place.data)  # upkeep would delete them
    if is_moved:
        move_empty_lake(place, LEFT)


@dataclass
class _SnapshotWriter:
    """A transaction that makes the lake equal to the published file."""

    con: duckdb.DuckDBPyConnection
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read what the lake has, before anything else is done."""
        self._present = {
            (layer, name): kind
            for layer, name, kind in self.con.execute(
                "select schema_name, table_name, 'table' from duckdb_tables()"
                " where database_name = $1 union all"
                " select schema_name, view_name, 'view' from duckdb_views()"
                " where database_name = $1 and not internal",
                [LAKE],
            ).fetchall()
        }
        _, layer, name = _LIST.split(".")
        self._has_list = self._present.pop((layer, name), None) is not None
        rows = self.con.execute(f"from {_LIST}").fetchall() if self._has_list else []
        self._known: dict[Key, _Known] = {(row[0], row[1]): _Known(*row[2:]) for row in rows}
        self._now: dict[Key, _Known] = {}

    def write_tables(self) -> None:
        """Write all tables and views that differ, and drop those that are no longer published."""
        found = list_tables(self.con, _FILE)
        self._create_schemas(found)
        views = []
        for table in found:
            if table.reserved:
                names = " and ".join(table.reserved)
                self.notes.append(
                    f"{table.full_name} is not in the lake, where no column may be called {names}."
                )
            elif table.sql and not self._is_kept_as_table(table):
                views.append(table)
            else:
                self._write_table(table.as_table())
        for view in self._write_views(views):
            self._write_table(view.as_table())
        self._drop(self._present.keys() - self._now.keys())
        self._write_list()

    def describe_snapshot(self, run: int | None) -> None:
        """Describe the snapshot that is about to be committed."""
        result = self.con.execute(f"from {_FILE}.main.about")
        about = dict(zip(result_columns(result), result.fetchone() or (), strict=False))
        day = about.get("as_of_on")
        what = f"Run {run}" if run else "Published again"
        extra = {
            "run": run,
            **{name: _format(about.get(name)) for name in ("as_of_on", "as_of_at", "published_at")},
            "p4books_version": about.get("p4books_version"),
            "changed": self.changed,
        }
        self.con.execute(
            f"call {LAKE}.set_commit_message({quote_literal(AUTHOR)},"
            f" {quote_literal(f'{what}, as of {day}')},"
            f" extra_info => {quote_literal(json.dumps(extra, ensure_ascii=False))})"
        )

    def _create_schemas(self, tables: Iterable[LakeTable]) -> None:
        present = {layer for layer, _ in self._present} | {"main"}
        for layer in sorted({table.layer for table in tables} - present):
            self.con.execute(f"create schema if not exists {LAKE}.{layer}")

    def _is_kept_as_table(self, view: LakeTable) -> bool:
        """Return whether a view of the published file is a table in the lake."""
        known = self._known.get(view.key)
        return (
            known is not None
            and self._present.get(view.key) == "table"
            and known.layout == view.as_table().layout
        )

    def _write_table(self, table: LakeTable) -> None:
        table = fit_values(self.con, table, _FILE)
        rows, digest = digest_rows(self.con, table, _FILE)
        now = _Known(table.layout, table.comments, rows, digest)
        known = self._known.get(table.key)
        is_there = self._present.get(table.key) == "table"
        if not is_there or known is None or known.layout != now.layout:
            self._make_table(table)
        elif known.digest != now.digest:
            self._update_table(table, rows)
        if not is_there or known is None or known.comments != now.comments:
            self._comment(table, "table")
        self._remember(table, now)

    def _make_table(self, table: LakeTable) -> None:
        self._drop([table.key])
        self.con.execute(
            f"create table {LAKE}.{table.quoted} as"
            f" select {table.values} from {_FILE}.{table.quoted}"
        )

    def _update_table(self, table: LakeTable, rows: int) -> None:
        """Delete and insert the rows that changed; all of them if these are few, or most.

        Raises LakeDiffers if that does not lead to the number of rows that there should be.
        """
        held, is_changed, is_inserted = 0, "true", "true"
        if rows > INLINED_ROWS and not table.has_rowid and (kept := self._find_changes(table)):
            held = kept
            is_changed = "rowid in (select number from held semi join changed using (h1, h2))"
            is_inserted = f"({table.hash_pair}) in (select (h1, h2) from changed)"
        deleted = self._count(f"delete from {LAKE}.{table.quoted} where {is_changed}")
        inserted = self._count(
            f"insert into {LAKE}.{table.quoted} from"
            f" (select {table.values} from {_FILE}.{table.quoted}) where {is_inserted}"
        )
        found = inserted + (held - deleted if held else 0)
        if found != rows:
            raise LakeDiffers(table.full_name, rows, found)

    def _find_changes(self, table: LakeTable) -> int:
        """Find the hashes of rows that the lake has too often or too rarely.

        Returns the number of rows that the lake has; 0 if most of them changed.
        """
        self.con.execute(
            "create or replace temp table held as"
            f" select rowid as number, {table.hashes} from {LAKE}.{table.quoted}"
        )
        self.con.execute(
            "create or replace temp table changed as select h1, h2 from ("
            " select h1, h2, 1 as times from held union all"
            f" select {table.hashes}, -1 as times from"
            f" (select {table.values} from {_FILE}.{table.quoted})"
            ") group by all having sum(times) <> 0"
        )
        held = self._count("select count(*) from held")
        changed = self._count("select count(*) from held semi join changed using (h1, h2)")
        return held if changed <= 0.5 * held else 0

    def _count(self, sql: str) -> int:
        """Return the number that a statement returns: of the rows that it counted or changed."""
        (count,) = self.con.execute(sql).fetchone() or (0,)
        return int(count)

    def _write_views(self, views: Iterable[LakeTable]) -> list[LakeTable]:
        """Write views, and return those that cannot be views of the lake."""
        waiting = []
        for view in views:
            now = _Known(view.layout, view.comments, None, None)
            known = self._known.get(view.key)
            if known != now or self._present.get(view.key) != "view":
                waiting.append((view, now))
            else:
                self._now[view.key] = now
        while waiting:
            later = [(view, now) for view, now in waiting if not self._make_view(view, now)]
            if len(later) == len(waiting):
                return [view for view, _ in later]
            waiting = later
        return []

    def _make_view(self, view: LakeTable, now: _Known) -> bool:
        """Make a view of the lake; return whether its SQL has the same columns there."""
        self._drop([view.key])
        self.con.execute(f"use {LAKE}")
        try:
            self.con.execute(view.sql or "")
            found = self.con.execute(f"describe {LAKE}.{view.quoted}").fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            return False  # what it reads is another view that comes later, or is not in the lake
        finally:
            self.con.execute(f"use {_FILE}")
        if [(name, kind) for name, kind, *_ in found] != list(view.columns.items()):
            self.con.execute(f"drop view {LAKE}.{view.quoted}")
            return False
        self._comment(view, "view")
        self._remember(view, now)
        return True

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in sorted(keys):
            if kind := self._present.pop(key, None):
                layer, name = key
                table = LakeTable(layer, name, {}, {})
                self.con.execute(f"drop {kind} {LAKE}.{table.quoted}")
                if key not in self._now:
                    self._note_change(table.full_name)

    def _comment(self, table: LakeTable, kind: str) -> None:
        self.con.execute(
            f"comment on {kind} {LAKE}.{table.quoted} is {quote_literal(table.comment)}"
        )
        if kind == "view":
            return
        for name, text in (table.column_comments or {}).items():
            column = f"{LAKE}.{table.quoted}.{quote_identifier(name)}"
            self.con.execute(f"comment on column {column} is {quote_literal(text)}")

    def _remember(self, table: LakeTable, now: _Known) -> None:
        self._now[table.key] = now
        if self._known.get(table.key) != now:
            self._note_change(table.full_name)

    def _note_change(self, name: str) -> None:
        if name not in self.changed:
            self.changed.append(name)

    def _write_list(self) -> None:
        """Write what differs in the list of the lake's own tables."""
        if not self._has_list:
            columns = ", ".join(f"{name} {kind}" for name, kind in _LIST_COLUMNS.items())
            self.con.execute(f"create table {_LIST} ({columns})")
            self.con.execute(f"comment on table {_LIST} is {quote_literal(_LIST_COMMENT)}")
        old = [key for key, known in self._known.items() if self._now.get(key) != known]
        new = {key: now for key, now in self._now.items() if self._known.get(key) != now}
        if old:
            self.con.execute(f"delete from {_LIST} where (layer, model) in ({_list_keys(old)})")
        if new:
            self.con.execute(f"insert into {_LIST} values {_list_rows(new)}")


def _list_keys(keys: Iterable[Key]) -> str:
    return ", ".join(f"({', '.join(map(quote_literal, key))})" for key in keys)


def _list_rows(tables: Mapping[Key, _Known]) -> str:
    rows = ((*key, *vars(known).values()) for key, known in tables.items())
    return ", ".join(f"({', '.join(map(_quote, row))})" for row in rows)


def _quote(value: Any) -> str:
    return "null" if value is None else quote_literal(str(value))


def _format(value: Any) -> str | None:
    return None if value is None else str(value)
