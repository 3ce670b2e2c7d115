"""Ledger of every record that was ever pushed, in SQLite."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from p4books.push.errors import LedgerTrouble
from p4books.push.types import (
    COLUMNS,
    CREATED,
    READY,
    REFUSED,
    SENDING,
    STATES,
    TABLES,
    UNKNOWN,
    Draft,
    Entry,
    Push,
)

LedgerChange = tuple[str, tuple[Any, ...]]  # a statement and its values


def build_update(entry: Entry, also: str, told: Mapping[str, Any]) -> LedgerChange:
    """Make the statement that sets columns of a row, and what `also` sets, in SQL."""
    sets = ", ".join(filter(None, [also, *(f"{name} = ?" for name in told)]))
    return f"update record set {sets} where record = ?", (*told.values(), entry.record)


def utc_now() -> str:
    """Return this instant in UTC, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


COMMIT_BATCH = 100  # rows that are in memory at a time


class Ledger:
    """The ledger of one tenant, open until `with` ends. Raises LedgerTrouble."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: sqlite3.Connection | None = None
        self._soon: list[LedgerChange] = []

    def __enter__(self) -> Self:
        try:
            self._store = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._path.chmod(0o600)
            self._store.row_factory = sqlite3.Row
            self._store.execute("pragma journal_mode = wal")
            self._store.execute("pragma synchronous = full")
            self._store.execute("pragma fullfsync = on")  # or macOS leaves it in the drive's memory
            self._store.execute("pragma checkpoint_fullfsync = on")
            self._store.executescript(TABLES)
        except (sqlite3.Error, OSError) as error:
            self.__exit__()
            raise LedgerTrouble(self._path, str(error)) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._soon.clear()
        if self._store is not None:
            self._store.close()
            self._store = None

    def begin(self, endpoint: str, source: str, address: str) -> int:
        """Begin a push to P4 Books at an address, and return its number."""
        done = self._do(
            "insert into push (endpoint, source, address, began_at) values (?, ?, ?, ?)",
            (endpoint, source, address, utc_now()),
        )
        return int(done.lastrowid or 0)

    def end(self, push: int, outcome: str) -> None:
        """Say how a push ended."""
        self._do(
            "update push set ended_at = ?, outcome = ? where push = ?", (utc_now(), outcome, push)
        )

    def count(self, push: int, rows: int, bad: int, already: int) -> None:
        """Note how many rows a push was given, how many were bad, how many were sent before."""
        self._do(
            "update push set rows = ?, bad = ?, already = ? where push = ?",
            (rows, bad, already, push),
        )

    @contextmanager
    def all_or_none(self, keep: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Keep what is written inside only if it ends well, and if it is to be kept then."""
        soon, self._soon = self._soon, []
        self._do("begin immediate")
        try:
            for change in soon:
                self._do(*change)
            yield
            if keep():
                self._do("commit")
        finally:
            if self._open.in_transaction:
                self._do("rollback")

    def doubt(self) -> int:
        """Call unknown what a dead push was sending; return how many rows that were."""
        return self._do(
            "update record set state = ?, left_at = coalesce(left_at, sent_at),"
            " note = 'The push was stopped while this was sent.' where state = ?",
            (UNKNOWN, SENDING),
        ).rowcount

    def find(self, endpoint: str, hash_: str) -> Entry | None:
        """Return the row with this content."""
        return next(self._entries("endpoint = ? and hash = ?", (endpoint, hash_)), None)

    def with_code(self, endpoint: str, code: str) -> list[Entry]:
        """Return the rows that have this code, whatever else they hold, but for refused ones."""
        where = "endpoint = ? and code = ? and state <> ? order by record"
        return list(self._entries(where, (endpoint, code, REFUSED)))

    def address(self) -> str | None:
        """Return where the last push went; None where there was none."""
        row = self._do("select address from push order by push desc limit 1").fetchone()
        return str(row["address"]) if row else None

    def last_created(self, endpoint: str) -> Entry | None:
        """Return the row that became a record last."""
        where = "endpoint = ? and state = ? order by answered_at desc, record desc limit 1"
        return next(self._entries(where, (endpoint, CREATED)), None)

    def renumbered(self, endpoint: str) -> Entry | None:
        """Return the last record, where P4 Books gave it another code than ours, or told none."""
        last = self.last_created(endpoint)
        return last if last and last.given_code != last.code else None

    def differing(self, push: int) -> int:
        """Count the records of a push that hold something else than was sent."""
        told = "select count(*) from record where push = ? and state = ? and differs is not null"
        return int(self._do(told, (push, CREATED)).fetchone()[0])

    def unknown(self, endpoint: str) -> list[Entry]:
        """Return all unknown rows of an endpoint, whatever push sent them."""
        return list(self._entries("endpoint = ? and state = ?", (endpoint, UNKNOWN)))

    def states(self, push: int) -> Counter[str]:
        """Count the rows of a push in each state."""
        rows = self._do("select state, count(*) from record where push = ? group by state", (push,))
        return Counter(dict(rows.fetchall()))

    def created_as(self, endpoint: str, id_: str) -> Entry | None:
        """Return the row that became the record with this id."""
        return next(self._entries("endpoint = ? and id = ?", (endpoint, id_)), None)

    def take(self, push: int, endpoint: str, draft: Draft) -> None:
        """Make a draft ready to be sent by this push."""
        made = self._do(
            "insert into record (push, endpoint, row, code, hash, body, state, ready_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (push, endpoint, draft.row, draft.code, draft.hash, draft.body, READY, utc_now()),
        )
        self.part(push, draft.row, made.lastrowid or 0)

    def take_over(self, push: int, entry: Entry, row: int, state: str | None = None) -> None:
        """Let this push go on with a row of an earlier one, in this state (default: its own)."""
        self._do(
            "update record set push = ?, row = ?, state = ? where record = ?",
            (push, row, state or entry.state, entry.record),
        )
        self.part(push, row, entry.record)

    def part(self, push: int, row: int, record: int, *, already: bool = False) -> None:
        """Note which row of a push's file is which; `already`: an earlier push had sent it."""
        self._do("insert or replace into part values (?, ?, ?, ?)", (push, row, record, already))

    def drop(self, entry: Entry) -> None:
        """Forget a row that was never taken."""
        where = "record = ? and state = ? and left_at is null"
        self._do(f"delete from record where {where}", (entry.record, READY))

    def drop_rows(self, push: int, rows: Collection[int]) -> int:
        """Forget what this push took of these rows of its file; return how many that were."""
        for row in rows:
            self._do("delete from part where push = ? and row = ?", (push, row))
        return sum(
            self._do(
                "delete from record where push = ? and row = ? and state = ? and left_at is null",
                (push, row, READY),
            ).rowcount
            for row in rows
        )

    def rows(self, push: int, *states: str) -> Iterator[Entry]:
        """Give the rows of a push that are in one of these states (default: any), in order."""
        last = -1
        marks = ", ".join("?" * len(states or STATES))
        where = (
            f"push = ? and state in ({marks}) and record > ? order by record limit {COMMIT_BATCH}"
        )
        while some := list(self._entries(where, (push, *(states or STATES), last))):
            yield from some
            last = some[-1].record

    def sending(self, entry: Entry) -> None:
        """Write down that a row is about to be sent; it is on the disk when this returns."""
        with self.all_or_none():
            self._do(
                "update record set state = ?, sent_at = ?, sought_at = null, status = null,"
                " answer = null, note = null where record = ?",
                (SENDING, utc_now(), entry.record),
            )

    def back(self, entry: Entry, **told: Any) -> None:
        """Write down that a row was certainly not taken: it is what it was before it was sent."""
        self._do(*build_update(entry, "state = iif(left_at is null, 'ready', 'unknown')", told))

    def lost(self, entry: Entry, **told: Any) -> None:
        """Write down that it is not known what became of a row that was sent."""
        lost = {"state": UNKNOWN, "answered_at": utc_now(), **told}
        self._do(*build_update(entry, "left_at = coalesce(left_at, sent_at)", lost))

    def became(self, entry: Entry, state: str, *, soon: bool = False, **told: Any) -> None:
        """Write down what became of a row; `told` are columns.

        With `soon` it is written together with what is written next, which saves a wait for the
        disk: a process that is killed before leaves the row *sending*, to be looked for.
        """
        change = build_update(entry, "", {"state": state, "answered_at": utc_now(), **told})
        if soon:
            self._soon.append(change)
        else:
            self._do(*change)

    def note(self, entry: Entry, **told: Any) -> None:
        """Write down something more of a row."""
        self._do(*build_update(entry, "", told))

    def flush(self) -> None:
        """Bring onto the disk what is to be written soon."""
        if self._soon:
            with self.all_or_none():
                pass

    def _entries(self, where: str, values: tuple[Any, ...]) -> Iterator[Entry]:
        for row in self._do(f"select {COLUMNS} from record where {where}", values).fetchall():
            yield Entry(**dict(row))

    def _do(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if self._soon:
            self.flush()
        try:
            return self._open.execute(sql, values)
        except sqlite3.Error as error:
            raise LedgerTrouble(self._path, str(error)) from None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._store is None:
            raise RuntimeError("the ledger is not open")
        return self._store


COUNT_COLUMNS = {
    "ready": "'ready'",
    "created": "'created'",
    "refused": "'refused'",
    "unknown": "'unknown', 'sending'",
}


def list_pushes(ledger: Path, last: int | None = None) -> list[Push]:
    """Return the last pushes, the newest first (None: all). Raises LedgerTrouble."""
    own = ", ".join(f"push.{each.name}" for each in fields(Push) if each.name not in COUNT_COLUMNS)
    counts = ", ".join(
        f"count(*) filter (where not part.already and state in ({states}))"
        for states in COUNT_COLUMNS.values()
    )
    with _open_read_only(ledger) as store:
        rows = store.execute(
            f"""
            select {own}, {counts}
            from push left join part using (push) left join record using (record)
            group by push.push order by push.push desc limit ?
            """,
            (-1 if last is None else last,),
        )
        return [Push(*row) for row in rows]


def list_entries(ledger: Path, push: int) -> Iterator[Entry]:
    """Give the rows of a push's file as they are now, in its order. Raises LedgerTrouble.

    A row that another push sent, before or since, names that one.
    """
    own = COLUMNS.replace(" row,", " part.row,").replace(" push,", " record.push,")
    own = own.replace("record, ", "record.record, ", 1)
    with _open_read_only(ledger) as store:
        store.row_factory = sqlite3.Row
        query = f"select {own} from part join record using (record) where part.push = ?"
        for row in store.execute(f"{query} order by part.row", (push,)):
            yield Entry(*row)


@contextmanager
def _open_read_only(ledger: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger to read only; where none is yet, an empty one."""
    try:
        there = ledger.exists()
        where = f"{ledger.resolve().as_uri()}?mode=ro" if there else ":memory:"
        with closing(sqlite3.connect(where, uri=there, timeout=30)) as store:
            if not there:
                store.executescript(TABLES)
            yield store
    except (sqlite3.Error, OSError) as error:
        raise LedgerTrouble(ledger, str(error)) from None
