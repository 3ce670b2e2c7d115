"""What was sent, and what became of it?

A row is written down as *sending*, and that is on the disk, before its request leaves; what became
of it is written after the answer. So a row that is *ready* was never sent, and one that is found
*sending* later may or may not have arrived: it is *unknown*.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from p4books.push.draft import Draft
from p4books.push.entry import (
    CREATED,
    READY,
    REFUSED,
    SENDING,
    STATES,
    TABLES,
    UNKNOWN,
    Entry,
)
from p4books.push.errors import LedgerTrouble

BATCH = 100  # rows that are in memory at a time


class Ledger:
    """The ledger of one tenant, open until `with` ends. Raises LedgerTrouble."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._store = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._path.chmod(0o600)
            self._store.row_factory = sqlite3.Row
            self._store.execute("pragma journal_mode = wal")
            self._store.execute("pragma synchronous = full")
            self._store.executescript(TABLES)
        except (sqlite3.Error, OSError) as error:
            self.__exit__()
            raise LedgerTrouble(self._path, str(error)) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def begin(self, endpoint: str, source: str) -> int:
        """Begin a push and return its number."""
        done = self._do(
            "insert into push (endpoint, source, began_at) values (?, ?, ?)",
            (endpoint, source, now()),
        )
        return int(done.lastrowid or 0)

    def end(self, push: int, outcome: str) -> None:
        """Say how a push ended."""
        self._do("update push set ended_at = ?, outcome = ? where push = ?", (now(), outcome, push))

    def count(self, push: int, rows: int, bad: int, already: int) -> None:
        """Note how many rows a push was given, how many were bad, how many were sent before."""
        self._do(
            "update push set rows = ?, bad = ?, already = ? where push = ?",
            (rows, bad, already, push),
        )

    @contextmanager
    def all_or_none(self, keep: Callable[[], bool]) -> Iterator[None]:
        """Keep what is written inside only if it ends well, and if it is to be kept then."""
        self._do("begin immediate")
        try:
            yield
            if keep():
                self._do("commit")
        finally:
            if self._open.in_transaction:
                self._do("rollback")

    def doubt(self) -> int:
        """Call unknown what a dead push was sending; return how many rows that were."""
        return self._do(
            "update record set state = ?, note = 'The push was stopped while this was sent.'"
            " where state = ?",
            (UNKNOWN, SENDING),
        ).rowcount

    def find(self, endpoint: str, hash_: str) -> Entry | None:
        """Return the row with this content."""
        return next(self._entries("endpoint = ? and hash = ?", (endpoint, hash_)), None)

    def with_code(self, endpoint: str, code: str) -> list[Entry]:
        """Return the rows that have this code, whatever else they hold, but for refused ones."""
        where = "endpoint = ? and code = ? and state <> ? order by record"
        return list(self._entries(where, (endpoint, code, REFUSED)))

    def renumbered(self, endpoint: str) -> Entry | None:
        """Return a row that P4 Books gave another code than ours, or none that it told."""
        where = "endpoint = ? and state = ? and given_code is not code limit 1"
        return next(self._entries(where, (endpoint, CREATED)), None)

    def states(self, push: int) -> Counter[str]:
        """Count the rows of a push in each state."""
        rows = self._do("select state, count(*) from record where push = ? group by state", (push,))
        return Counter(dict(rows.fetchall()))

    def created_as(self, endpoint: str, id_: str) -> Entry | None:
        """Return the row that became the record with this id."""
        return next(self._entries("endpoint = ? and id = ?", (endpoint, id_)), None)

    def take(self, push: int, endpoint: str, draft: Draft) -> None:
        """Make a draft ready to be sent by this push."""
        self._do(
            "insert into record (push, endpoint, row, code, hash, body, state, ready_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (push, endpoint, draft.row, draft.code, draft.hash, draft.body, READY, now()),
        )

    def take_over(self, push: int, entry: Entry, row: int, state: str | None = None) -> None:
        """Let this push go on with a row of an earlier one, in this state (default: its own)."""
        self._do(
            "update record set push = ?, row = ?, state = ? where record = ?",
            (push, row, state or entry.state, entry.record),
        )

    def drop(self, entry: Entry) -> None:
        """Forget a row that was never sent."""
        self._do("delete from record where record = ? and state = ?", (entry.record, READY))

    def rows(self, push: int, *states: str) -> Iterator[Entry]:
        """Give the rows of a push that are in one of these states (default: any), in order."""
        last = -1
        marks = ", ".join("?" * len(states or STATES))
        where = f"push = ? and state in ({marks}) and record > ? order by record limit {BATCH}"
        while some := list(self._entries(where, (push, *(states or STATES), last))):
            yield from some
            last = some[-1].record

    def sending(self, entry: Entry) -> None:
        """Write down that a row is about to be sent; it is on the disk when this returns."""
        self._do(
            "update record set state = ?, sent_at = ?, sought_at = null, note = null"
            " where record = ?",
            (SENDING, now(), entry.record),
        )

    def became(self, entry: Entry, state: str, *, soon: bool = False, **told: Any) -> None:
        """Write down what became of a row; `told` are columns.

        With `soon` it is safe from the end of this process, and from a power cut with what is
        written next.
        """
        values = {"state": state, "answered_at": now(), **told}
        sets = ", ".join(f"{name} = ?" for name in values)
        if soon:
            self._do("pragma synchronous = normal")
        try:
            self._do(f"update record set {sets} where record = ?", (*values.values(), entry.record))
        finally:
            if soon:
                self._do("pragma synchronous = full")

    def note(self, entry: Entry, **told: Any) -> None:
        """Write down something more of a row."""
        sets = ", ".join(f"{name} = ?" for name in told)
        self._do(f"update record set {sets} where record = ?", (*told.values(), entry.record))

    def flush(self) -> None:
        """Bring onto the disk what was written."""
        self._do("pragma wal_checkpoint(passive)")

    def _entries(self, where: str, values: tuple[Any, ...]) -> Iterator[Entry]:
        for row in self._do(f"select * from record where {where}", values).fetchall():
            yield Entry(**dict(row))

    def _do(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._open.execute(sql, values)
        except sqlite3.Error as error:
            raise LedgerTrouble(self._path, str(error)) from None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._store is None:
            raise RuntimeError("the ledger is not open")
        return self._store


def now() -> str:
    """Return this instant in UTC, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
