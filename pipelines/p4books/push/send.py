"""Sending of records, one at a time and at most once."""

import logging
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any

import urllib3

from p4books.endpoints.definition import Endpoint
from p4books.extract.client import (
    MAX_ATTEMPTS,
    MAX_REFUSALS,
    TIMEOUT,
    ApiConnection,
    describe_connection_failure,
    describe_missing_response,
    parse_retry_after,
)
from p4books.extract.http import HttpSession, RequestCounts
from p4books.push.errors import NoAnswers, NotCreated, NotReached, OwnCodes, SentOn, StillRefusing
from p4books.push.ledger import Ledger
from p4books.push.response import (
    AT_THE_DOOR,
    CONFLICT,
    PERHAPS_AT_THE_DOOR,
    CreateResponse,
    classify_response,
    extract_message,
    list_differences,
    parse_response_json,
)
from p4books.push.types import CREATED, READY, REFUSED, UNKNOWN, Entry, PushOptions

SILENT_LIMIT = 5  # rows in a row without a verdict
LOST_LIMIT = 50  # rows of one push without a verdict
BARRED_LIMIT = 3  # rows in a row with 403 or 404, after others were taken


class CircuitBreaker:
    """Counts what came of the rows of a push, and stops it where it is not about the rows."""

    def __init__(self, ledger: Ledger, endpoint: str) -> None:
        self._ledger = ledger
        self._endpoint = endpoint
        self._is_let_in = ledger.last_created(endpoint) is not None
        self._silent = self._lost = 0
        self._barred: list[Entry] = []

    def note(self, entry: Entry, what: CreateResponse) -> None:
        """Take in what came of a row that was written down.

        Raises NoAnswers, and NotCreated: what got 403 or 404 is not refused then, but what it was.
        """
        if what.state == UNKNOWN and what.status != CONFLICT:
            self._silent, self._lost = self._silent + 1, self._lost + 1
            if self._silent == SILENT_LIMIT or self._lost == LOST_LIMIT:
                raise NoAnswers(self._endpoint, self._silent, self._lost, what.text)
            return
        self._silent = 0
        self._is_let_in |= what.state == CREATED
        if what.status not in PERHAPS_AT_THE_DOOR:
            self._barred.clear()
            return
        self._barred.append(entry)
        if not self._is_let_in or len(self._barred) == BARRED_LIMIT:
            for barred in self._barred:
                self._ledger.back(barred)
            raise NotCreated(self._endpoint, what.status or 0, what.text)


log = logging.getLogger(__name__)

LONGEST_BACKOFF = 30.0  # seconds


@dataclass(frozen=True)
class RetryPolicy:
    """How long a push waits.

    `timeout` is the seconds without a byte after which an answer is given up, `backoff` those
    before the first repeat of what may be repeated (it doubles); `sleep` waits seconds. `settled`
    is how many seconds after its sending a record that is not there may be sent again on wish.
    """

    timeout: float = TIMEOUT
    backoff: float = 1.0
    settled: float = 300.0
    sleep: Callable[[float], None] = time.sleep


class RecordSender:
    """Sends the rows of one push, one at a time."""

    def __init__(
        self,
        connection: ApiConnection,
        endpoint: Endpoint,
        ledger: Ledger,
        patience: RetryPolicy,
    ) -> None:
        self._target = connection.target
        self._limiter = connection.limiter
        self._endpoint = endpoint
        self._ledger = ledger
        self._patience = patience
        self._url = f"{self._target.address}/{endpoint.path}"
        self._session = HttpSession(
            self._target.address, self._target.key, self._limiter, patience.timeout
        )

    @property
    def counts(self) -> RequestCounts:
        """Return what the requests cost so far."""
        return self._session.counts

    def send(self, entry: Entry) -> CreateResponse:
        """Send a row and say what came of it.

        Raises NotReached, StillRefusing and NotCreated, and the row is what it was before: it was
        certainly not taken. Raises SentOn, and the row is unknown. LedgerTrouble at any time.
        """
        refusals = failures = 0
        while True:
            try:
                answer = self._once(entry)
            except urllib3.exceptions.HTTPError as error:
                if self._session.request_sent:
                    return CreateResponse(
                        UNKNOWN, describe_missing_response(error, self._patience.timeout)
                    )
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
            before_wait=self._ledger.flush,
            before_send=lambda: self._ledger.sending(entry),
        )

    def _read(self, entry: Entry, answer: urllib3.BaseHTTPResponse) -> CreateResponse:
        if answer.status in AT_THE_DOOR:
            self._ledger.back(entry, status=answer.status)
            name, text = self._endpoint.name, extract_message(answer.data)
            raise NotCreated(name, answer.status, text)
        if 300 <= answer.status < 400:
            target = answer.headers.get("Location") or "nowhere"
            told = f"sent on to {target}"
            self._ledger.lost(entry, status=answer.status, answer=told)
            raise SentOn(self._endpoint.name, answer.status, target)
        return classify_response(answer.status, answer.data, self._endpoint)

    def _wait_for_connection(self, entry: Entry, failures: int, error: Exception) -> None:
        why = describe_connection_failure(error, self._patience.timeout) or "the connection failed"
        self._ledger.back(entry)
        if failures >= MAX_ATTEMPTS:
            raise NotReached(self._endpoint.name, self._target.host, why)
        log.info("%s: %s; try %d", self._endpoint.name, why, failures + 1)
        self._patience.sleep(min(self._patience.backoff * 2 ** (failures - 1), LONGEST_BACKOFF))

    def _wait_as_told(self, entry: Entry, refusals: int, answer: urllib3.BaseHTTPResponse) -> None:
        """Let no process send for as long as the 429 asks; the next try waits for that."""
        self._ledger.back(entry)
        self.counts.refused += 1
        if refusals >= MAX_REFUSALS:
            raise StillRefusing(self._endpoint.name)
        wait = parse_retry_after(answer.headers.get("Retry-After"), self._limiter.window)
        log.info("%s: over the limit, waiting %.0f s", self._endpoint.name, wait)
        self._limiter.block(wait)


SendCallback = Callable[[int], None]  # how many rows have been sent


@dataclass(frozen=True)
class PushDelivery:
    """Sends what is ready of one push.

    `before` are the ids of records that were there before, gone ones too.
    """

    ledger: Ledger
    push: int
    endpoint: Endpoint
    sender: RecordSender
    before: Set[str]
    wishes: PushOptions

    def run(self, again: Sequence[Entry], told: SendCallback) -> None:
        """Send the rows, as many as are wished, and write down what became of each.

        Those that are sent once more come first, as short as can be after they were looked for.
        Raises OwnCodes, NoAnswers, NotCreated and what Sender.send raises.
        """
        stops = CircuitBreaker(self.ledger, self.endpoint.name)
        for sent, entry in enumerate(chain(again, self.ledger.rows(self.push, READY)), 1):
            what = self.sender.send(entry)
            self._write(entry, what)
            told(sent)
            stops.note(entry, what)
            if what.state == CREATED and what.code != entry.code:
                self._renumbered(entry, what)
            if sent == self.wishes.limit:
                return

    def _write(self, entry: Entry, what: CreateResponse) -> None:
        told: dict[str, Any] = {"status": what.status, "answer": what.text}
        if what.state == CREATED:
            self._write_created(entry, what)
        elif what.status == CONFLICT and not entry.left_at:
            self.ledger.became(entry, UNKNOWN, **told)
        elif what.state == UNKNOWN or entry.left_at:  # the first sending may have made it
            self.ledger.lost(entry, note="It is looked for when its file is pushed again.", **told)
        else:
            self.ledger.became(entry, REFUSED, soon=True, **told)

    def _write_created(self, entry: Entry, what: CreateResponse) -> None:
        if what.id in self.before or self.ledger.created_as(self.endpoint.name, what.id or ""):
            note = f"P4 Books answered with a record that it had before (id {what.id})."
            self.ledger.became(entry, REFUSED, status=what.status, answer=note)
            return
        self.ledger.became(
            entry,
            CREATED,
            soon=True,
            status=what.status,
            id=what.id,
            given_code=what.code,
            differs=self._other_values(entry, what),
        )

    def _renumbered(self, entry: Entry, what: CreateResponse) -> None:
        if not self.wishes.allow_renumbering and self.ledger.renumbered(self.endpoint.name):
            raise OwnCodes(self.endpoint.name, entry.code, what.code, what.id or "")

    def _other_values(self, entry: Entry, what: CreateResponse) -> str | None:
        """Name what the answer shows otherwise than it was sent; what it lacks tells nothing."""
        shown = what.record or {}
        sent = {
            k: v for k, v in parse_response_json(entry.body).items() if k in shown and k != "code"
        }
        return ", ".join(list_differences(sent, shown, self.endpoint)) or None
