"""Rate limiter shared by all processes of a machine that use a key, and its base."""

import hashlib
import logging
import math
import os
import sqlite3
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from p4books.errors import DiskTrouble

DEAD_AFTER = 300.0  # seconds after which a slot without a response belongs to a dead process
LONG_WAIT = 5.0  # seconds; a longer wait is announced
ANNOUNCEMENT_INTERVAL = 600.0  # seconds from one announcement to the next
LONGEST_BLOCK = 3600.0  # seconds; a longer block was set before the clock was set back

log = logging.getLogger(__name__)

_TABLES = """
create table if not exists slot (
    id integer primary key, sent_at real not null, answered_at real
);
create index if not exists slot_answered on slot (answered_at);
create table if not exists block (until real not null);
"""

# SQLite answers a lone minimum or maximum from the index, without reading the table.
_LATEST_BLOCK_AND_ID_SPAN = """
select
    (select max(until) from block),
    (select max(id) from slot) - (select min(id) from slot) + 1
"""

_announcing = threading.Lock()
_announced_at: dict[str, float] = {}  # when this process last announced a wait, by place


@dataclass(frozen=True)
class Occupancy:
    """The slots of a limiter at an instant, all in seconds of its clock.

    `since` has when the response of each arrived, `now` for one that is still under way, in order.
    """

    now: float
    since: Sequence[float]
    blocked_until: float | None


class Limiter(ABC):
    """Sliding window of `limit` requests per `window` seconds.

    A request occupies its slot from the moment it is sent until one window after its response
    arrived: the server may have counted it at any moment in between. Where the slots are kept is
    up to the subclasses; `place` names it. `clock` returns seconds since 1970 and `sleep` takes
    seconds; tests pass in their own. `waited` is the number of seconds spent waiting in this
    object.
    """

    def __init__(
        self,
        place: str,
        limit: int,
        window: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place = place
        self.limit = limit
        self.window = window
        self.waited = 0.0
        self._clock = clock
        self._sleep = sleep

    @abstractmethod
    def release(self, slot: int) -> None:
        """Record that the response of a slot's request arrived, or never will."""

    @abstractmethod
    def block(self, seconds: float) -> None:
        """Stop all processes from sending for some seconds, as a 429 demands."""

    @abstractmethod
    def _try_acquire(self) -> tuple[int | None, float]:
        """Return a new slot, or None and the seconds to wait before the next attempt."""

    @abstractmethod
    def _load_occupancy(self, requests: int) -> Occupancy | None:
        """Return the slots; None if so many requests can surely be sent at once."""

    def acquire(
        self,
        on_waited: Callable[[float], None] = lambda _: None,
        before_wait: Callable[[], object] = lambda: None,
    ) -> int:
        """Wait until a request may be sent, and return the id of its slot.

        `before_wait` is called before each wait, `on_waited` after it with the seconds it took.
        Raises DiskTrouble, or what else keeps the slots from being read or written.
        """
        while True:
            slot, delay = self._try_acquire()
            if slot is not None:
                return slot
            before_wait()
            self._announce_wait()
            started_at = self._clock()
            try:
                self._sleep(delay)
            finally:  # a cancelled wait is shorter than `delay`
                seconds = max(self._clock() - started_at, 0.0)
                self.waited += seconds
                on_waited(seconds)

    def seconds_for(self, requests: int) -> float:
        """Estimate the seconds until this many more requests can have been sent."""
        found = self._load_occupancy(requests)
        if found is None or requests <= 0:
            return 0.0
        occupied = [since + self.window - found.now for since in found.since][-self.limit :]
        delays = [0.0] * (self.limit - len(occupied)) + occupied
        windows, index = divmod(requests - 1, self.limit)
        blocked = min(max((found.blocked_until or found.now) - found.now, 0.0), LONGEST_BLOCK)
        return max(float(delays[index]) + windows * self.window, blocked)

    def _announce_wait(self) -> None:
        """Log a long wait as a warning, which Python prints to stderr, but not every one.

        All that wait for the same limit in this process, as tenants of one key do, wait together.
        """
        with _announcing:
            now = self._clock()
            if now < _announced_at.get(self._place, -math.inf) + ANNOUNCEMENT_INTERVAL:
                return
            if (seconds := self.seconds_for(1)) > LONG_WAIT:
                _announced_at[self._place] = now
                log.warning("Waiting about %.0f s for the rate limit.", seconds)


class RateLimiter(Limiter):
    """Limiter whose slots are in one SQLite file, shared by all processes that use it."""

    def __init__(
        self,
        path: Path,
        limit: int,
        window: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(str(path), limit, window, clock, sleep)
        self.path = path
        self._lock = threading.Lock()  # all threads of this process share one connection
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = _connect(path)
        except (OSError, sqlite3.Error) as error:  # filelock's Timeout is an OSError
            raise DiskTrouble(path, str(error)) from None

    def release(self, slot: int) -> None:
        """Record that the response of a slot's request arrived, or never will."""
        with self._transaction() as connection:
            connection.execute(
                "update slot set answered_at = ? where id = ?", (self._clock(), slot)
            )

    def block(self, seconds: float) -> None:
        """Stop all processes from sending for some seconds, as a 429 demands."""
        with self._transaction() as connection:
            connection.execute("insert into block values (?)", (self._clock() + seconds,))

    def _load_occupancy(self, requests: int) -> Occupancy | None:
        """Return the slots; None if so many requests can surely be sent at once."""
        now = self._clock()
        with self._lock:
            if self._are_surely_free(self._connection, now, requests):
                return None
            rows = self._connection.execute(
                "select coalesce(answered_at, ?1) from slot"
                " where answered_at is null or answered_at > ?1 - ?2 order by 1",
                (now, self.window),
            ).fetchall()
            (blocked_until,) = self._connection.execute("select max(until) from block").fetchone()
        return Occupancy(now, [since for (since,) in rows], blocked_until)

    def _try_acquire(self) -> tuple[int | None, float]:
        """Return a new slot, or None and the seconds to wait before the next attempt."""
        slot, delay = None, 0.0
        with self._transaction() as connection:
            now = self._clock()
            if not self._are_surely_free(connection, now, requests=1):
                self._expire_slots(connection, now)
                delay = self._compute_delay(connection, now)
            if delay <= 0:
                cursor = connection.execute("insert into slot (sent_at) values (?)", (now,))
                slot = cursor.lastrowid
        return slot, delay

    def _are_surely_free(self, connection: sqlite3.Connection, now: float, requests: int) -> bool:
        """Return whether so many slots are free regardless of the ages of the others.

        Ids are consecutive, so the table holds at most as many slots as its ids span.
        """
        blocked_until, id_span = connection.execute(_LATEST_BLOCK_AND_ID_SPAN).fetchone()
        is_blocked = blocked_until is not None and blocked_until > now
        return not is_blocked and (id_span or 0) + requests <= self.limit

    def _expire_slots(self, connection: sqlite3.Connection, now: float) -> None:
        """Delete old slots; after the clock was set back, nobody waits longer than a window."""
        connection.execute("update slot set answered_at = ? where answered_at > ?", (now, now))
        connection.execute("update slot set sent_at = ? where sent_at > ?", (now, now))
        connection.execute("delete from slot where answered_at <= ?", (now - self.window,))
        connection.execute(
            "delete from slot where answered_at is null and sent_at <= ?",
            (now - DEAD_AFTER - self.window,),
        )
        connection.execute(
            "delete from block where until <= ? or until > ?", (now, now + LONGEST_BLOCK)
        )

    def _compute_delay(self, connection: sqlite3.Connection, now: float) -> float:
        (blocked_until,) = connection.execute("select max(until) from block").fetchone()
        if blocked_until is not None and blocked_until > now:
            # In short steps, since another process may extend the block.
            return min(float(blocked_until) - now, 1.0)
        (count,) = connection.execute("select count(*) from slot").fetchone()
        if count < self.limit:
            return 0.0
        # Wait for the slot whose expiry makes room; None if its response is still under way.
        (answered_at,) = connection.execute(
            "select answered_at from slot order by answered_at is null, answered_at"
            " limit 1 offset ?",
            (count - self.limit,),
        ).fetchone()
        return max(answered_at + self.window - now, 0.001) if answered_at is not None else 0.02

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Lock out all other threads and processes. Raises DiskTrouble."""
        with self._lock:
            try:
                self._connection.execute("begin immediate")
                yield self._connection
                self._connection.execute("commit")
            except sqlite3.Error as error:
                raise DiskTrouble(self.path, str(error)) from None
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()


def limiter_path(key: str) -> Path:
    """Return the SQLite file of a key: one per user and key, regardless of tenant.

    Its name contains a hash of the key, never the key.
    """
    return _state_dir() / "throttle" / f"{hash_key(key)}.sqlite"


def hash_key(key: str) -> str:
    """Return a hash of a key, which may be stored: the key can't be computed from it."""
    return hashlib.sha256(b"p4books throttle " + key.encode()).hexdigest()[:24]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    # SQLite's own timeout does not cover a change of the journal mode.
    with filelock.FileLock(f"{path}.lock", timeout=60):
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = off")  # slots must survive a process, not a crash
        connection.executescript(_TABLES)
    return connection


def _state_dir() -> Path:
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state) / "p4books"
    with suppress(RuntimeError):  # a user without a home
        home = Path("~").expanduser()
        if os.access(home, os.W_OK):
            return home / ".local" / "state" / "p4books"
    return Path(tempfile.gettempdir()) / f"p4books-{os.getuid()}"
