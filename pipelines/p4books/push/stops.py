"""When does a push give up?"""

from p4books.push import said
from p4books.push.entry import CREATED, UNKNOWN, Entry
from p4books.push.errors import NoAnswers, NotCreated
from p4books.push.ledger import Ledger
from p4books.push.said import Said

SILENT = 5  # rows in a row without a verdict
LOST = 50  # rows of one push without a verdict
BARRED = 3  # rows in a row with 403 or 404, after others were taken


class Stops:
    """Counts what came of the rows of a push, and stops it where it is not about the rows."""

    def __init__(self, ledger: Ledger, endpoint: str) -> None:
        self._ledger = ledger
        self._endpoint = endpoint
        self._is_let_in = ledger.last_created(endpoint) is not None
        self._silent = self._lost = 0
        self._barred: list[Entry] = []

    def note(self, entry: Entry, what: Said) -> None:
        """Take in what came of a row that was written down.

        Raises NoAnswers, and NotCreated: what got 403 or 404 is not refused then, but what it was.
        """
        if what.state == UNKNOWN and what.status != said.CONFLICT:
            self._silent, self._lost = self._silent + 1, self._lost + 1
            if self._silent == SILENT or self._lost == LOST:
                raise NoAnswers(self._endpoint, self._silent, self._lost, what.text)
            return
        self._silent = 0
        self._is_let_in |= what.state == CREATED
        if what.status not in said.PERHAPS_AT_THE_DOOR:
            self._barred.clear()
            return
        self._barred.append(entry)
        if not self._is_let_in or len(self._barred) == BARRED:
            for barred in self._barred:
                self._ledger.back(barred)
            raise NotCreated(self._endpoint, what.status or 0, what.text)
