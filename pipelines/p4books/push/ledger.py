"""Ledger of every record that was ever pushed, in SQLite.

Every change of a record's state is one of `transitions`; any other one raises.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from p4books.push.errors import IllegalTransition, LedgerTrouble
from p4books.push.transitions import Event, build_transition
from p4books.push.types import (
    CREATED,
    READY,
    REFUSED,
    SENDING,
    STATES,
    UNKNOWN,
    Draft,
    Entry,
    Push,
)
from p4books.spelling import canonical_id, fold_name, is_same_name

SPELLING_RULE = 1  # by which codes and ids are stored; another one rewrites them
BATCH = 100  # entries that are in memory at a time

_TABLES = """
create table if not exists push (
    push integer primary key, endpoint text not null, source text not null,
    address text not null, began_at text not null, ended_at text,
    outcome text not null default 'killed',
    rows integer not null default 0, bad integer not null default 0,
    already integer not null default 0
);
create table if not exists record (
    record integer primary key, push integer not null, endpoint text not null,
    row integer not null, code text not null, hash text not null, body blob not null,
    state text not null, ready_at text not null, sent_at text, left_at text, answered_at text,
    sought_at text, status integer, answer text, id text, given_code text, differs text, note text,
    unique (endpoint, hash)
);
create table if not exists part (
    push integer not null, row integer not null, record integer not null, already integer not null,
    primary key (push, row)
) without rowid;
create table if not exists gap (
    gap integer primary key check (gap = 1), since text not null, restored_at text not null
);
create index if not exists record_push on record (push, record);
create index if not exists record_id on record (endpoint, id);
"""
_DOUBTED = "state = 'unknown', left_at = since, sent_at = restored_at"
_BOTH_GAPS = "(select since, restored_at from gap union select since, restored_at from more)"
WIDEN_GAP = (  # by the one in the table `more`: from the earlier start to the later end of both
    (
        "create temporary table wider as select min(since) as since,"
        f" max(restored_at) as restored_at from {_BOTH_GAPS} having count(*) > 0"
    ),
    # What either gap has made of records follows it, so that `close_gap` finds them.
    (
        "update record set left_at = wider.since, sent_at = wider.restored_at"
        f" from wider, {_BOTH_GAPS} as each where state = '{UNKNOWN}' and answered_at is null"
        " and left_at = each.since and sent_at = each.restored_at"
    ),
    (
        f"update record set left_at = wider.since from wider, {_BOTH_GAPS} as each"
        f" where state = '{REFUSED}' and left_at = each.since"
    ),
    "insert or replace into gap select 1, since, restored_at from wider",
    # Of what was not sent before the gap, nobody knows whether it was sent in it.
    f"update record set {_DOUBTED} from gap where state = '{READY}' and left_at is null",
    f"update record set left_at = since from gap where state = '{REFUSED}' and left_at is null",
    "drop table wider",
    "drop table more",
)
_RECORD_COLUMNS = "select name from pragma_table_info('record')"
_RESPELL = f"""
drop index if exists record_code;
create index if not exists record_code_key on record (code_key, endpoint);
update record set code_key = fold_name(code);
update record set id = canonical_id(id) where id is not null;
pragma user_version = {SPELLING_RULE};
"""
_COLUMNS = ", ".join(column.name for column in fields(Entry))  # whatever a later version adds
_COUNTED_STATES = {
    "ready": (READY,),
    "created": (CREATED,),
    "refused": (REFUSED,),
    "unknown": (UNKNOWN, SENDING),
}


class Gap(NamedTuple):
    """The time of which a ledger may lack pushes: from a backup until that was restored."""

    since: str
    restored_at: str


class Ledger:
    """The ledger of one tenant, open until `with` ends. Raises LedgerTrouble."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._deferred: list[_Change] = []

    def __enter__(self) -> Self:
        try:
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._path.chmod(0o600)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.execute("pragma fullfsync = on")  # macOS: flush the drive's cache too
            self._connection.execute("pragma checkpoint_fullfsync = on")
            self._connection.executescript(_TABLES)
            self._upgrade(self._connection)
        except (sqlite3.Error, OSError) as error:
            self.__exit__()
            raise LedgerTrouble(self._path, str(error)) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._deferred.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        """Bring a ledger of an earlier version to the current rule of spelling."""
        (rule,) = connection.execute("pragma user_version").fetchone()
        if rule >= SPELLING_RULE:
            return
        connection.create_function("fold_name", 1, fold_name, deterministic=True)
        connection.create_function("canonical_id", 1, canonical_id, deterministic=True)
        columns = {row["name"] for row in connection.execute(_RECORD_COLUMNS)}
        added = "" if "code_key" in columns else "alter table record add column code_key text;"
        connection.executescript(f"begin immediate; {added} {_RESPELL} commit")

    # Pushes

    def begin_push(self, endpoint: str, source: str, address: str) -> int:
        """Record that a push to P4 Books at an address begins, and return its number."""
        cursor = self._execute(
            "insert into push (endpoint, source, address, began_at) values (?, ?, ?, ?)",
            (endpoint, source, address, _utc_now()),
        )
        return int(cursor.lastrowid or 0)

    def record_counts(self, push: int, rows: int, bad: int, already: int) -> None:
        """Record how many records a push was given, how many are bad, how many were sent before."""
        self._execute(
            "update push set rows = ?, bad = ?, already = ? where push = ?",
            (rows, bad, already, push),
        )

    def end_push(self, push: int, outcome: str) -> None:
        """Record how a push ended."""
        self._execute(
            "update push set ended_at = ?, outcome = ? where push = ?", (_utc_now(), outcome, push)
        )

    def last_address(self) -> str | None:
        """Return the address that the last push went to; None if there was none."""
        row = self._execute("select address from push order by push desc limit 1").fetchone()
        return str(row["address"]) if row else None

    def count_states(self, push: int) -> Counter[str]:
        """Count the records of a push in each state."""
        query = "select state, count(*) from record where push = ? group by state"
        return Counter(dict(self._execute(query, (push,)).fetchall()))

    def count_differing(self, push: int) -> int:
        """Count the records of a push for which P4 Books stored other values than were sent."""
        query = "select count(*) from record where push = ? and state = ? and differs is not null"
        return int(self._execute(query, (push, CREATED)).fetchone()[0])

    # The gap of a ledger from a backup

    def open_gap(self, since: str) -> None:
        """Record that what was pushed from `since` until now may be missing.

        What had not been sent by then may have been sent since. A gap that is still open, and
        began earlier, keeps its beginning.
        """
        with self.transaction():
            self._execute("create temporary table more (since text, restored_at text)")
            self._execute("insert into more values (?, ?)", (since, _utc_now()))
            for statement in WIDEN_GAP:
                self._execute(statement)

    def load_gap(self) -> Gap | None:
        """Return the gap; None if the ledger has every push."""
        row = self._execute("select since, restored_at from gap").fetchone()
        return Gap(*row) if row else None

    def close_gap(self) -> None:
        """Record that nothing is missing, and forget the records that are unknown only for it."""
        with self.transaction():
            unsent = (
                "select record from record join gap on left_at = since and sent_at = restored_at"
                " where state = ? and answered_at is null"
            )
            for table in ("part", "record"):
                self._execute(f"delete from {table} where record in ({unsent})", (UNKNOWN,))
            self._execute(
                "update record set left_at = null from gap where state = ? and left_at = since",
                (REFUSED,),
            )
            self._execute("delete from gap")

    # Entries

    def entries(self, push: int, *states: str) -> Iterator[Entry]:
        """Yield the entries of a push in any of these states (default: all), in order."""
        last = -1
        marks = ", ".join("?" * len(states or STATES))
        where = f"push = ? and state in ({marks}) and record > ? order by record limit {BATCH}"
        while batch := self._select(where, (push, *(states or STATES), last)):
            yield from batch
            last = batch[-1].record

    def find_by_hash(self, endpoint: str, hash_: str) -> Entry | None:
        """Return the entry with this content."""
        return self._select_one("endpoint = ? and hash = ?", (endpoint, hash_))

    def find_by_id(self, endpoint: str, id_: str) -> Entry | None:
        """Return the entry that became the record with this id."""
        return self._select_one("endpoint = ? and id = ?", (endpoint, canonical_id(id_)))

    def list_with_code(self, endpoint: str, code: str) -> list[Entry]:
        """Return the entries with this code, whatever else they contain, except refused ones."""
        where = "endpoint = ? and code_key = ? and state <> ? order by record"
        return self._select(where, (endpoint, fold_name(code), REFUSED))

    def list_unknown(self, endpoint: str) -> list[Entry]:
        """Return all unknown entries of an endpoint, whichever push sent them."""
        return self._select("endpoint = ? and state = ?", (endpoint, UNKNOWN))

    def last_created(self, endpoint: str) -> Entry | None:
        """Return the entry that was created last."""
        where = "endpoint = ? and state = ? order by answered_at desc, record desc limit 1"
        return self._select_one(where, (endpoint, CREATED))

    def last_renumbered(self, endpoint: str) -> Entry | None:
        """Return the entry that was created last if P4 Books gave it another code, or none."""
        last = self.last_created(endpoint)
        return last if last and not is_same_name(last.given_code or "", last.code) else None

    # Enqueuing

    @contextmanager
    def transaction(self, commit_if: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Commit what is written inside if it succeeds and `commit_if` agrees; else roll back."""
        deferred, self._deferred = self._deferred, []
        self._execute("begin immediate")
        try:
            for change in deferred:
                self._apply(change)
            yield
            if commit_if():
                self._execute("commit")
        finally:
            if self._opened.in_transaction:
                self._execute("rollback")

    def add(self, push: int, endpoint: str, draft: Draft) -> None:
        """Add a draft that this push is to send; its state is *ready*."""
        cursor = self._execute(
            "insert into record (push, endpoint, row, code, code_key, hash, body, state, ready_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(push, endpoint, draft.row, draft.code, fold_name(draft.code)),
                *(draft.hash, draft.body, READY, _utc_now()),
            ),
        )
        self.link_row(push, draft.row, cursor.lastrowid or 0)

    def add_unknown(self, push: int, endpoint: str, draft: Draft, gap: Gap) -> None:
        """Add a draft that may have been sent in a gap of the ledger; its state is *unknown*."""
        self.add(push, endpoint, draft)
        self._execute(
            "update record set state = ?, left_at = ?, sent_at = ? where endpoint = ? and hash = ?",
            (UNKNOWN, gap.since, gap.restored_at, endpoint, draft.hash),
        )

    def requeue(self, push: int, entry: Entry, row: int) -> None:
        """Let this push continue with an entry of an earlier one, which is in `row` of its file."""
        self._change(entry, Event.ENQUEUED, push=push, row=row)
        self.link_row(push, row, entry.record)

    def link_row(self, push: int, row: int, record: int, *, already: bool = False) -> None:
        """Record which entry a row of a push's file is; `already`: an earlier push had sent it."""
        self._execute(
            "insert or replace into part values (?, ?, ?, ?)", (push, row, record, already)
        )

    def delete_unsent(self, entry: Entry) -> None:
        """Delete an entry that was never sent; any other one stays."""
        where = "record = ? and state = ? and left_at is null"
        self._execute(f"delete from record where {where}", (entry.record, READY))

    def delete_rows(self, push: int, rows: Collection[int]) -> int:
        """Delete what this push added for these rows of its file; return how many entries."""
        for row in rows:
            self._execute("delete from part where push = ? and row = ?", (push, row))
        where = "push = ? and row = ? and state = ? and left_at is null"
        return sum(
            self._execute(f"delete from record where {where}", (push, row, READY)).rowcount
            for row in rows
        )

    # Changes of state; `columns` are other columns to set

    def mark_sending(self, entry: Entry) -> None:
        """Record that a record is about to be sent; it is on disk when this returns."""
        with self.transaction():
            self._change(
                entry,
                Event.SENT,
                sent_at=_utc_now(),
                sought_at=None,
                status=None,
                answer=None,
                note=None,
            )

    def mark_not_taken(self, entry: Entry, **columns: Any) -> None:
        """Record that a request was certainly not processed: the state is the one before it."""
        self._change(entry, Event.NOT_TAKEN, **columns)

    def mark_created(self, entry: Entry, *, defer: bool = False, **columns: Any) -> None:
        """Record that P4 Books has created a record; `defer` as for `mark_refused`."""
        self._change(entry, Event.CREATED, defer=defer, answered_at=_utc_now(), **columns)

    def mark_refused(self, entry: Entry, *, defer: bool = False, **columns: Any) -> None:
        """Record that P4 Books refused a record; one that was lost before stays *unknown*.

        With `defer` it is written together with the next write, which saves waiting for the disk: a
        process that is killed before that leaves the record *sending*, to be reconciled.
        """
        self._change(entry, Event.REFUSED, defer=defer, answered_at=_utc_now(), **columns)

    def mark_conflict(self, entry: Entry, **columns: Any) -> None:
        """Record that P4 Books has a record with this code, whose content is to be compared."""
        self._change(entry, Event.CONFLICT, answered_at=_utc_now(), **columns)

    def mark_lost(self, entry: Entry, **columns: Any) -> None:
        """Record that the outcome of a request is unknown."""
        self._change(entry, Event.LOST, answered_at=_utc_now(), **columns)

    def mark_interrupted(self) -> int:
        """Mark as unknown what a push that ended was sending; return how many records."""
        note = "The push was stopped while this was sent."
        sets, _ = build_transition(Event.INTERRUPTED)
        return self._execute(
            f"update record set {sets}, note = ? where state = ?", (note, SENDING)
        ).rowcount

    def annotate(self, entry: Entry, *, note: str, sought_at: str | None = None) -> None:
        """Record a note for the user, and when a scan that did not show the record began."""
        self._execute(
            "update record set note = ?, sought_at = coalesce(?, sought_at) where record = ?",
            (note, sought_at, entry.record),
        )

    def flush(self) -> None:
        """Write deferred changes to disk."""
        if self._deferred:
            with self.transaction():
                pass

    def _change(self, entry: Entry, event: Event, *, defer: bool = False, **columns: Any) -> None:
        change = _Change(entry.record, event, columns)
        if defer:
            self._deferred.append(change)
        else:
            self._apply(change)

    def _apply(self, change: "_Change") -> None:
        """Change a record as an event demands. Raises IllegalTransition."""
        sets, where = build_transition(change.event)
        others = "".join(f", {column} = ?" for column in change.columns)
        cursor = self._execute(
            f"update record set {sets}{others} where record = ? and ({where})",
            (*change.columns.values(), change.record),
        )
        if cursor.rowcount != 1:
            raise IllegalTransition(change.record, change.event.value)

    def _select(self, where: str, values: tuple[Any, ...]) -> list[Entry]:
        cursor = self._execute(f"select {_COLUMNS} from record where {where}", values)
        return [Entry(**dict(row)) for row in cursor.fetchall()]

    def _select_one(self, where: str, values: tuple[Any, ...]) -> Entry | None:
        return next(iter(self._select(where, values)), None)

    def _execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        self.flush()
        try:
            return self._opened.execute(sql, values)
        except sqlite3.Error as error:
            raise LedgerTrouble(self._path, str(error)) from None

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the ledger is not open")
        return self._connection


def list_pushes(ledger: Path, last: int | None = None) -> list[Push]:
    """Return the last pushes, the newest first (None: all). Raises LedgerTrouble."""
    own = ", ".join(
        f"push.{column.name}" for column in fields(Push) if column.name not in _COUNTED_STATES
    )
    counts = ", ".join(
        f"count(*) filter (where not part.already and state in ({_quote(states)}))"
        for states in _COUNTED_STATES.values()
    )
    with _open_read_only(ledger) as connection:
        rows = connection.execute(
            f"""
            select {own}, {counts}
            from push left join part using (push) left join record using (record)
            group by push.push order by push.push desc limit ?
            """,
            (-1 if last is None else last,),
        )
        return [Push(*row) for row in rows]


def list_entries(ledger: Path, push: int) -> Iterator[Entry]:
    """Yield the rows of a push's file as they are now, in its order. Raises LedgerTrouble.

    A row that another push sent, before or since, has the number of that push.
    """
    own = _COLUMNS.replace(" row,", " part.row,").replace(" push,", " record.push,")
    own = own.replace("record, ", "record.record, ", 1)
    with _open_read_only(ledger) as connection:
        query = f"select {own} from part join record using (record) where part.push = ?"
        for row in connection.execute(f"{query} order by part.row", (push,)):
            yield Entry(*row)


class _Change(NamedTuple):
    """An event that happened to a record, and other columns to set."""

    record: int
    event: Event
    columns: Mapping[str, Any]


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _quote(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


@contextmanager
def _open_read_only(ledger: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger read-only; if there is none yet, an empty one in memory."""
    try:
        exists = ledger.exists()
        name = f"{ledger.resolve().as_uri()}?mode=ro" if exists else ":memory:"
        with closing(sqlite3.connect(name, uri=exists, timeout=30)) as connection:
            if not exists:
                connection.executescript(_TABLES)
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise LedgerTrouble(ledger, str(error)) from None
