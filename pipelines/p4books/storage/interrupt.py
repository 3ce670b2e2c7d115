"""Requests to stop, which also end the queries and pauses of all threads."""

import contextlib
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:  # `--help` starts without it
    import duckdb

_stop = threading.Event()
_lock = threading.RLock()  # a signal handler may run while its own thread holds it
_connections: "WeakSet[duckdb.DuckDBPyConnection]" = WeakSet()
_events: "WeakSet[threading.Event]" = WeakSet()


def track_connection(con: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyConnection":
    """Return a connection, or a cursor, whose query is interrupted when this process must stop."""
    with _lock:
        _connections.add(con)
    return con


def track_event(event: threading.Event) -> threading.Event:
    """Return an event that is set when this process must stop, for threads that pause."""
    with _lock:
        _events.add(event)
    return event


def request_stop() -> None:
    """Note that this process must stop; interrupt all tracked queries and set all tracked events.

    Python runs a signal's handler only between two of its own instructions, and a query may be one
    that takes hours.
    """
    _stop.set()
    with _lock:
        connections, events = list(_connections), list(_events)
    for event in events:
        event.set()
    for con in connections:
        with contextlib.suppress(Exception):  # it is closed
            con.interrupt()


def is_stop_requested() -> bool:
    """Return whether this process must stop: what fails now is a consequence, not a fault."""
    return _stop.is_set()
