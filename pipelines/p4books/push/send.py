"""How is one record sent, and at most once?

A request is repeated only where it certainly made nothing: after a 429, and where no byte of it had
left. Before every try the ledger says that the row is being sent, and after such a failure that it
is ready again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import urllib3

from p4books.api import failing
from p4books.api.client import REFUSALS, TIMEOUT, TRIES, Access
from p4books.api.session import Counts, Session
from p4books.api.throttle import Throttle
from p4books.endpoint import Endpoint
from p4books.push import said
from p4books.push.entry import UNKNOWN, Entry
from p4books.push.errors import NotCreated, NotReached, SentOn, StillRefusing
from p4books.push.ledger import Ledger
from p4books.push.said import Said

log = logging.getLogger(__name__)

LONGEST_BACKOFF = 30.0  # seconds


@dataclass(frozen=True)
class Patience:
    """How long a push waits.

    `timeout` is the seconds without a byte after which an answer is given up, `backoff` those
    before the first repeat of what may be repeated (it doubles); `sleep` waits seconds. `settled`
    is how many seconds after its sending a record that is not there may be sent again on wish.
    """

    timeout: float = TIMEOUT
    backoff: float = 1.0
    settled: float = 300.0
    sleep: Callable[[float], None] = time.sleep


class Sender:
    """Sends the rows of one push, one at a time."""

    def __init__(
        self,
        access: Access,
        slots: Throttle,
        endpoint: Endpoint,
        ledger: Ledger,
        patience: Patience,
    ) -> None:
        self._access = access
        self._slots = slots
        self._endpoint = endpoint
        self._ledger = ledger
        self._patience = patience
        self._url = f"{access.address}/{endpoint.path}"
        self._session = Session(access.address, access.key, slots, patience.timeout)

    @property
    def counts(self) -> Counts:
        """Return what the requests cost so far."""
        return self._session.counts

    def send(self, entry: Entry) -> Said:
        """Send a row and say what came of it.

        Raises NotReached, StillRefusing and NotCreated, and the row is what it was before: it was
        certainly not taken. Raises SentOn, and the row is unknown. LedgerTrouble at any time.
        """
        refusals = failures = 0
        while True:
            try:
                answer = self._once(entry)
            except urllib3.exceptions.HTTPError as error:
                if self._session.left:
                    return Said(UNKNOWN, failing.no_answer(error, self._patience.timeout))
                failures += 1
                self._wait_for_connection(entry, failures, error)
                continue
            if answer.status != 429:
                return self._read(entry, answer)
            refusals += 1
            self._wait_as_told(entry, refusals, answer)

    def _once(self, entry: Entry) -> urllib3.BaseHTTPResponse:
        return self._session.post(
            self._url,
            entry.body,
            waits=self._ledger.flush,
            leaves=lambda: self._ledger.sending(entry),
        )

    def _read(self, entry: Entry, answer: urllib3.BaseHTTPResponse) -> Said:
        if answer.status in said.AT_THE_DOOR:
            self._ledger.back(entry, status=answer.status)
            name, text = self._endpoint.name, said.message(answer.data)
            raise NotCreated(name, answer.status, text)
        if 300 <= answer.status < 400:
            target = answer.headers.get("Location") or "nowhere"
            told = f"sent on to {target}"
            self._ledger.lost(entry, status=answer.status, answer=told)
            raise SentOn(self._endpoint.name, answer.status, target)
        return said.read(answer.status, answer.data, self._endpoint)

    def _wait_for_connection(self, entry: Entry, failures: int, error: Exception) -> None:
        why = failing.no_connection(error, self._patience.timeout) or "the connection failed"
        self._ledger.back(entry)
        if failures >= TRIES:
            raise NotReached(self._endpoint.name, self._access.host, why)
        log.info("%s: %s; try %d", self._endpoint.name, why, failures + 1)
        self._patience.sleep(min(self._patience.backoff * 2 ** (failures - 1), LONGEST_BACKOFF))

    def _wait_as_told(self, entry: Entry, refusals: int, answer: urllib3.BaseHTTPResponse) -> None:
        """Let no process send for as long as the 429 asks; the next try waits for that."""
        self._ledger.back(entry)
        self.counts.refused += 1
        if refusals >= REFUSALS:
            raise StillRefusing(self._endpoint.name)
        wait = failing.wait_told(answer.headers.get("Retry-After"), self._slots.window)
        log.info("%s: over the limit, waiting %.0f s", self._endpoint.name, wait)
        self._slots.block(wait)
