"""Rate limiter whose slots are in Postgres, shared by all machines that use a key."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from p4books.extract.rate_limiter import DEAD_AFTER, LONGEST_BLOCK, Limiter, Occupancy
from p4books.storage.postgres import PostgresTrouble, describe_trouble, open_connection
from p4books.storage.shared_tables import SCHEMA, create_shared_tables

if TYPE_CHECKING:
    import psycopg
    from pydantic import SecretStr

RETRIED_SECONDS = 30.0  # that a Postgres which restarts may take
UNCHANGED = "Any earlier copy is unchanged, and pages already fetched are kept."

_ACQUIRE = f"select * from {SCHEMA}.acquire_slot(%s, %s, %s, %s, %s)"
_NOW = "extract(epoch from clock_timestamp())::double precision"
_RELEASE = f"update {SCHEMA}.slot set answered_at = {_NOW} where slot = %s"
_BLOCK = f"insert into {SCHEMA}.block values (%s, {_NOW} + %s)"
_OCCUPANCY = f"""
select
    {_NOW},
    array(
        select coalesce(answered_at, {_NOW}) from {SCHEMA}.slot
        where key_hash = %s and (answered_at is null or answered_at > {_NOW} - %s) order by 1
    ),
    (select max(until) from {SCHEMA}.block where key_hash = %s)
"""


class PostgresRateLimiter(Limiter):
    """Limiter that counts over all machines, by the clock of Postgres.

    A request that was counted twice because Postgres went away occupies a slot more than it needs,
    never one less.
    """

    def __init__(
        self,
        catalog: "SecretStr",
        key_hash: str,
        limit: int,
        window: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(key_hash, limit, window, sleep=sleep)
        self._catalog = catalog
        self._key_hash = key_hash
        self._lock = threading.Lock()  # all threads of this process share one connection
        self._connection: psycopg.Connection | None = None

    def __del__(self) -> None:
        self._disconnect()

    def release(self, slot: int) -> None:
        """Record that the response of a slot's request arrived, or never will."""
        self._execute(_RELEASE, (slot,))

    def block(self, seconds: float) -> None:
        """Stop all processes from sending for some seconds, as a 429 demands."""
        self._execute(_BLOCK, (self._key_hash, seconds))

    def _try_acquire(self) -> tuple[int | None, float]:
        """Return a new slot, or None and the seconds to wait before the next attempt."""
        values = (self._key_hash, self.limit, self.window, DEAD_AFTER, LONGEST_BLOCK)
        slot, delay = self._execute(_ACQUIRE, values)
        return slot, delay or 0.0

    def _load_occupancy(self, requests: int) -> Occupancy | None:
        """Return the slots; None if so many requests can surely be sent at once."""
        found = Occupancy(*self._execute(_OCCUPANCY, (self._key_hash, self.window, self._key_hash)))
        is_blocked = found.blocked_until is not None and found.blocked_until > found.now
        is_free = not is_blocked and len(found.since) + requests <= self.limit
        return None if is_free else found

    def _execute(self, sql: str, values: Sequence[Any]) -> Any:
        """Run a statement, also if Postgres restarts meanwhile; return its row, None without one.

        Raises PostgresTrouble.
        """
        from psycopg import Error, OperationalError  # noqa: PLC0415 - 0.15 s

        tries_until = time.monotonic() + RETRIED_SECONDS
        with self._lock:
            while True:
                try:
                    cursor = self._connect().execute(sql.encode(), values)
                    return cursor.fetchone() if cursor.description else None
                except PostgresTrouble:
                    if time.monotonic() > tries_until:
                        raise
                except Error as error:
                    self._disconnect()
                    if not isinstance(error, OperationalError) or time.monotonic() > tries_until:
                        raise describe_trouble(error, self._catalog, UNCHANGED) from None
                time.sleep(0.5)

    def _connect(self) -> "psycopg.Connection":
        if self._connection is None:
            self._connection = open_connection(self._catalog, UNCHANGED)
            create_shared_tables(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        self._connection = None
