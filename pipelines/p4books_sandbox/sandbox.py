"""How does a test hold a sandbox?"""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from p4books_sandbox.app import Books, Desk, make_app
from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.faults import Arrival, Faults, Log
from p4books_sandbox.options import Options
from p4books_sandbox.sample_data import generate
from p4books_sandbox.server import Server, base_url, listen
from p4books_sandbox.store import RecordList

Data = Mapping[str, Sequence[Mapping[str, Any]]]


class Sandbox:
    """A P4 Books in a thread of this process, on a free port, from `with` to its end."""

    def __init__(
        self,
        *,
        data: Data | None = None,
        empty: bool = False,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        """Take records by path (the other lists are empty then), or no rows at all, or Options.

        Raises ValueError with a sentence when an option or a path can't be.
        """
        self.options = Options(**options)
        books = (
            books_of(data or {}, self.options)
            if data is not None or empty
            else generate(self.options)
        )
        self._desk = Desk(self.options, books, clock)
        self._ready = Event()
        self._server = Server(make_app(self._desk), self._ready.set)
        self._thread = Thread(target=self._serve, name="p4books-sandbox", daemon=True)
        self._broken: BaseException | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        self._plug = listen("127.0.0.1", 0)
        self.base_url = base_url(self._plug)
        self._thread.start()
        self._ready.wait()
        if self._broken:
            raise RuntimeError("The sandbox could not start.") from self._broken
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; raise what a `before_each` raised, unless the test failed anyway."""
        self._server.stop()
        self._thread.join()
        if self._desk.trouble and error is None:
            raise self._desk.trouble[0]

    @property
    def key(self) -> str:
        """The one key that is let in."""
        return self.options.key

    @property
    def books(self) -> Books:
        """The lists by path."""
        return self._desk.books

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._desk.faults

    @property
    def requests(self) -> list[Arrival]:
        """What arrived at the API so far, in order."""
        return self._desk.log.arrivals()

    @property
    def refused(self) -> int:
        """How many requests were over the limit; staged 429s are not counted."""
        return self._desk.refused

    @property
    def before_each(self) -> Callable[[Arrival], object] | None:
        """What is called just before the rows of a list request are read."""
        return self._desk.before_each

    @before_each.setter
    def before_each(self, call: Callable[[Arrival], object] | None) -> None:
        self._desk.before_each = call

    def forbid(self, *endpoints: str) -> None:
        """Answer 403 for these lists."""
        self._desk.forbidden.update(endpoints)

    def permit(self, *endpoints: str) -> None:
        """Take the forbidding back."""
        self._desk.forbidden.difference_update(endpoints)

    def forget(self) -> None:
        """Begin the log and the count of refusals anew."""
        self._desk.log, self._desk.refused = Log(), 0

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._plug])
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is seen
            self._broken = error
        finally:
            self._ready.set()


def books_of(data: Data, options: Options | None = None) -> Books:
    """Make lists of hand-written records, in the order given.

    Raises ValueError for a path that is none.
    """
    books = {each.path: RecordList(options=options, path=each.path) for each in ENDPOINTS}
    for path, records in data.items():
        if path not in books:
            raise ValueError(f"There is no list {path!r}. There are: {', '.join(books)}.")
        for record in records:
            books[path].insert(record, at=len(books[path]))
    return books
