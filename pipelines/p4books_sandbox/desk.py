"""What does a sandbox hold while it runs?"""

import time
from collections.abc import Callable

from p4books_sandbox.faults import Faults
from p4books_sandbox.limit import limit_of
from p4books_sandbox.log import Arrival, Log
from p4books_sandbox.options import Options
from p4books_sandbox.records import RecordList

Books = dict[str, RecordList]


class Desk:
    """The books, what is staged against its callers, and what they asked so far."""

    def __init__(
        self, options: Options, books: Books, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the settings, the lists by path, and a clock in seconds."""
        self.options = options
        self.books = books
        self.clock = clock
        self.limiter = limit_of(options, clock)
        self.faults = Faults()
        self.forbidden: set[str] = set()
        self.log = Log()
        self.refused = 0
        self.before_each: Callable[[Arrival], object] | None = None
        self.trouble: list[Exception] = []

    def ahead_of(self, arrival: Arrival) -> None:
        """Call what the test wants called before a list request; keep what it raises."""
        if self.before_each is None:
            return
        try:
            self.before_each(arrival)
        except Exception as error:
            self.trouble.append(error)
            raise
