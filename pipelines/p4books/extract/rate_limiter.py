"""Rate limiter shared by all processes that use a key."""

import hashlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from p4books.errors import DiskTrouble

DEAD_AFTER = 300.0  # seconds; a slot still open then belongs to a process that died
LONGEST_BLOCK = 3600.0  # seconds; what is longer was set before the clock was set back

_TABLES = """
create table if not exists slot (
    id integer primary key, sent_at real not null, answered_at real
);
create index if not exists slot_answered on slot (answered_at);
create table if not exists block (until real not null);
"""

# SQLite answers only the lone minimum or maximum of a table without reading all of it.
_AT_A_GLANCE = """
select
    (select max(until) from block),
    (select max(id) from slot) - (select min(id) from slot) + 1
"""


class RateLimiter:
    """Slots for `limit` requests in any `window` seconds, shared through one SQLite file.

    `clock` gives seconds since 1970 and `sleep` waits seconds; both are passed in by tests.
    `waited` counts the seconds spent waiting here.
    """

    def __init__(
        self,
        path: Path,
        limit: int,
        window: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self.limit = limit
        self.window = window
        self.waited = 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()  # one connection serves all threads of this process
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store = _open(path)
        except (OSError, sqlite3.Error) as error:  # filelock's Timeout is an OSError
            raise DiskTrouble(path, str(error)) from None

    def acquire(
        self,
        waiting: Callable[[float], None] = lambda _: None,
        waits: Callable[[], object] = lambda: None,
    ) -> int:
        """Wait until a request may leave and return its slot.

        `waits` is called before each wait, and `waiting` told after it how many seconds it took.
        """
        while True:
            slot, wait = self._try()
            if slot is not None:
                return slot
            waits()
            began = self._clock()
            try:
                self._sleep(wait)
            finally:  # a run that is stopped did not wait to the end
                took = max(self._clock() - began, 0.0)
                self.waited += took
                waiting(took)

    def release(self, slot: int) -> None:
        """Say that the answer of this slot came back, or that none will."""
        with self._change() as store:
            store.execute("update slot set answered_at = ? where id = ?", (self._clock(), slot))

    def block(self, seconds: float) -> None:
        """Let no process send for so many seconds: the server said so."""
        with self._change() as store:
            store.execute("insert into block values (?)", (self._clock() + seconds,))

    def seconds_for(self, requests: int) -> float:
        """Estimate how long so many further requests will take, in seconds."""
        now = self._clock()
        with self._lock:
            used = self._store.execute(
                "select coalesce(answered_at, ?1) from slot"
                " where answered_at is null or answered_at > ?1 - ?2 order by 1",
                (now, self.window),
            ).fetchall()
            (blocked,) = self._store.execute("select max(until) from block").fetchone()
        if requests <= 0:
            return 0.0
        taken = [answered + self.window - now for (answered,) in used][-self.limit :]
        free = [0.0] * (self.limit - len(taken)) + taken
        windows, place = divmod(requests - 1, self.limit)
        until = min(max((blocked or now) - now, 0.0), LONGEST_BLOCK)
        return max(float(free[place]) + windows * self.window, until)

    def _try(self) -> tuple[int | None, float]:
        """Take a slot, or tell how many seconds to wait before the next try."""
        slot, wait = None, 0.0
        with self._change() as store:
            now = self._clock()
            if not self._has_room(store, now):
                self._tidy(store, now)
                wait = self._wait(store, now)
            if wait <= 0:
                slot = store.execute("insert into slot (sent_at) values (?)", (now,)).lastrowid
        return slot, wait

    def _has_room(self, store: sqlite3.Connection, now: float) -> bool:
        """Tell, without reading all slots, where there is room whatever they hold.

        Ids rise by one, so no more slots are there than numbers from the first to the last.
        """
        until, most = store.execute(_AT_A_GLANCE).fetchone()
        return (until is None or until <= now) and (most or 0) < self.limit

    def _tidy(self, store: sqlite3.Connection, now: float) -> None:
        """Free old slots; a clock set back must not hold anybody longer than one window."""
        store.execute("update slot set answered_at = ? where answered_at > ?", (now, now))
        store.execute("update slot set sent_at = ? where sent_at > ?", (now, now))
        store.execute("delete from slot where answered_at <= ?", (now - self.window,))
        store.execute(
            "delete from slot where answered_at is null and sent_at <= ?",
            (now - DEAD_AFTER - self.window,),
        )
        store.execute("delete from block where until <= ? or until > ?", (now, now + LONGEST_BLOCK))

    def _wait(self, store: sqlite3.Connection, now: float) -> float:
        (blocked,) = store.execute("select max(until) from block").fetchone()
        if blocked is not None and blocked > now:
            return min(float(blocked) - now, 1.0)  # in small steps: another may lift or lengthen it
        (used,) = store.execute("select count(*) from slot").fetchone()
        if used < self.limit:
            return 0.0
        # The slot whose end makes room for one more; one under way may come back any time.
        (oldest,) = store.execute(
            "select answered_at from slot order by answered_at is null, answered_at"
            " limit 1 offset ?",
            (used - self.limit,),
        ).fetchone()
        return max(oldest + self.window - now, 0.001) if oldest is not None else 0.02

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Change the file alone among all threads and processes. Raises DiskTrouble."""
        with self._lock:
            try:
                self._store.execute("begin immediate")
                yield self._store
                self._store.execute("commit")
            except sqlite3.Error as error:
                raise DiskTrouble(self.path, str(error)) from None
            finally:
                if self._store.in_transaction:
                    self._store.rollback()


def _open(path: Path) -> sqlite3.Connection:
    store = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    with filelock.FileLock(f"{path}.lock", timeout=60):  # SQLite waits for no one who sets a mode
        store.execute("pragma journal_mode = wal")
        store.execute("pragma synchronous = off")  # slots need outlive a process, not a power cut
        store.executescript(_TABLES)
    return store


def limiter_path(key: str) -> Path:
    """Return where the slots of this key are kept: one file per user and key, whatever the tenant.

    The name holds a hash of the key, never the key.
    """
    name = hashlib.sha256(b"p4books throttle " + key.encode()).hexdigest()[:24]
    return _state_folder() / "throttle" / f"{name}.sqlite"


def _state_folder() -> Path:
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state) / "p4books"
    home = Path("~").expanduser()
    if os.access(home, os.W_OK):
        return home / ".local" / "state" / "p4books"
    return Path(tempfile.gettempdir()) / f"p4books-{os.getuid()}"
