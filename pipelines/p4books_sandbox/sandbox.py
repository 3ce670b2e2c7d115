"""Sandbox in a thread of this process, for tests."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from p4books_sandbox.app import Books, RequestLog, ServerState, make_app
from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.faults import Arrival, FaultQueue
from p4books_sandbox.options import Options
from p4books_sandbox.sample_data import generate_books
from p4books_sandbox.server import AsgiApp, Server, format_base_url, open_listener
from p4books_sandbox.store import RecordList

HandWrittenData = Mapping[str, Sequence[Mapping[str, Any]]]


class ServedApp:
    """An application served by a thread of this process, for the length of a `with` block."""

    def __init__(self, app: AsgiApp, port: int = 0) -> None:
        """Take the application, and the port to serve it on; 0 is any free one."""
        self._port = port
        self._ready = Event()
        self._server = Server(app, self._ready.set)
        self._thread = Thread(target=self._serve, name="p4books-sandbox", daemon=True)
        self._error: BaseException | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        """Start. Raises OSError if the port cannot be had."""
        self._listener = open_listener("127.0.0.1", self._port)
        self.base_url = format_base_url(self._listener)
        self._thread.start()
        self._ready.wait()
        if self._error:
            raise RuntimeError("The sandbox could not be started.") from self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._server.stop()
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException as error:  # noqa: BLE001 - raised again by __enter__
            self._error = error
        finally:
            self._ready.set()


class Sandbox(ServedApp):
    """P4 Books in a thread of this process, for the length of a `with` block."""

    def __init__(
        self,
        *,
        data: HandWrittenData | None = None,
        empty: bool = False,
        clock: Callable[[], float] = time.monotonic,
        port: int = 0,
        **options: Any,
    ) -> None:
        """Serve records by path (other lists are empty), no records at all, or sample data.

        The remaining arguments are those of Options. Raises ValueError for a wrong option or an
        unknown path; its message is one sentence.
        """
        self.options = Options(**options)
        books = (
            make_books(data or {}, self.options)
            if data is not None or empty
            else generate_books(self.options)
        )
        self._state = ServerState(self.options, books, clock)
        super().__init__(make_app(self._state), port)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; raise what `before_each` raised, unless the block failed anyway."""
        super().__exit__(kind, error, trace)
        if self._state.callback_errors and error is None:
            raise self._state.callback_errors[0]

    @property
    def key(self) -> str:
        """The only key that is accepted."""
        return self.options.key

    @property
    def books(self) -> Books:
        """The lists by path."""
        return self._state.books

    @property
    def faults(self) -> FaultQueue:
        """The staged faults."""
        return self._state.faults

    @property
    def requests(self) -> list[Arrival]:
        """The API requests that arrived so far, in order."""
        return self._state.log.arrivals()

    @property
    def refused(self) -> int:
        """The number of requests over the rate limit, without staged 429s."""
        return self._state.refused

    @property
    def before_each(self) -> Callable[[Arrival], object] | None:
        """The function that is called just before the rows of a list request are read."""
        return self._state.before_each

    @before_each.setter
    def before_each(self, call: Callable[[Arrival], object] | None) -> None:
        self._state.before_each = call

    def forbid(self, *endpoints: str) -> None:
        """Respond with 403 for these lists."""
        self._state.forbidden.update(endpoints)

    def permit(self, *endpoints: str) -> None:
        """Undo `forbid` for these lists."""
        self._state.forbidden.difference_update(endpoints)

    def forget(self) -> None:
        """Reset the request log and the number of refused requests."""
        self._state.log, self._state.refused = RequestLog(), 0


def make_books(data: HandWrittenData, options: Options | None = None) -> Books:
    """Make lists of hand-written records, in the given order.

    Raises ValueError for an unknown path.
    """
    books = {each.path: RecordList(options=options, path=each.path) for each in ENDPOINTS}
    for path, records in data.items():
        if path not in books:
            raise ValueError(f"There is no list {path!r}. Available: {', '.join(books)}.")
        for record in records:
            books[path].insert(record, at=len(books[path]))
    return books
