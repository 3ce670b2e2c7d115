"""Requests to stop, which also end the queries that are being computed."""

import contextlib
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:  # `--help` starts without it
    import duckdb

_stop = threading.Event()
_lock = threading.RLock()  # a signal handler may run while its own thread holds it
_connections: "WeakSet[duckdb.DuckDBPyConnection]" = WeakSet()


def track_connection(con: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyConnection":
    """Return a connection, or a cursor, whose query is interrupted when this process must stop."""
    with _lock:
        _connections.add(con)
    return con


def request_stop() -> None:
    """Note that this process must stop, and interrupt the queries of all tracked connections.

    Python runs a signal's handler only between two of its own instructions, and a query may be one
    that takes hours.
    """
    _stop.set()
    with _lock:
        connections = list(_connections)
    for con in connections:
        with contextlib.suppress(Exception):  # it is closed
            con.interrupt()


def is_stop_requested() -> bool:
    """Return whether this process must stop: what fails now is a consequence, not a fault."""
    return _stop.is_set()
