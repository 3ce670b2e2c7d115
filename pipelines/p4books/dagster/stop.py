"""Work that a run of Dagster can be stopped in the middle of.

Dagster raises an exception wherever the main thread happens to be, which may be within an import:
then Python keeps a lock, and the process waits for ever. So the work is done in another thread, and
is asked to stop as the command line asks it.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TypeVar

from p4books.storage.interrupt import request_stop

UNWIND_SECONDS = 20.0  # that the work has to end after it was asked to
_AGAIN = 0.2  # seconds: a query that has only just begun forgets that it was asked

T = TypeVar("T")


def run_stoppable(work: Callable[[], T], unwind: float = UNWIND_SECONDS) -> T:
    """Return what the work returns, or raise what it raises.

    If this thread is interrupted, the work is asked to stop and has `unwind` seconds to do so; then
    the interruption is raised again. After that nothing else of p4books can run in this process.
    """
    future: Future[T] = Future()
    thread = threading.Thread(
        target=copy_context().run, args=(_fulfil, future, work), name="p4books-run", daemon=True
    )
    thread.start()
    try:
        while not future.done():  # a signal that another thread got wakes nobody
            wait([future], timeout=_AGAIN)
        return future.result()
    finally:
        ends_at = time.monotonic() + unwind
        while not future.done() and time.monotonic() < ends_at:
            request_stop()
            wait([future], timeout=_AGAIN)


def _fulfil(future: "Future[T]", work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised by whoever waits
        future.set_exception(error)
