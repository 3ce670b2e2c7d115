"""Sending of records, one at a time and each at most once."""

import logging
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import urllib3

from p4books.endpoints.definition import Endpoint
from p4books.extract.client import MAX_ATTEMPTS, ApiConnection
from p4books.extract.failures import describe_missing_response
from p4books.extract.http import MAX_REDIRECTS, HttpResponse, HttpSession, RequestCounts, Timeouts
from p4books.extract.redirects import PERMANENT, RedirectTarget
from p4books.extract.retry_after import RefusalSeries
from p4books.push.errors import NoAnswers, NotCreated, NotReached, OwnCodes, SentOn, StillRefusing
from p4books.push.ledger import Ledger
from p4books.push.response import (
    AMBIGUOUS_DENIALS,
    CONFLICT,
    DENIALS,
    CreateResponse,
    classify_response,
    extract_message,
    list_differences,
    parse_response_json,
)
from p4books.push.types import CREATED, READY, UNKNOWN, Entry, PushOptions

MAX_LOST_IN_A_ROW = 5  # records in a row whose outcome is unknown
MAX_LOST = 50  # records of one push whose outcome is unknown
MAX_DENIED_IN_A_ROW = 3  # records in a row with 403 or 404, after others were created
MAX_BACKOFF = 30.0  # seconds

_NOT_PROCESSED = frozenset({307, 308})  # the request is to be sent again, there (RFC 9110)
_DONE_ELSEWHERE = 303  # the request was processed, and its result is there (RFC 9110)

SendCallback = Callable[[int, int], None]  # records sent, records in total

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How long a push waits.

    `timeout` is the seconds without a byte after which a response is given up, `backoff` the
    seconds before the first repeat of what may be repeated (it doubles); `sleep` waits seconds. A
    record that the list does not contain can be sent again, if the user asks for it, `settled`
    seconds after it was sent.
    """

    timeout: float = Timeouts.silence
    backoff: float = 1.0
    settled: float = 300.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Delivery:
    """Sends what is ready of one push.

    `existing_ids` are the ids of records that P4 Books had before, including deleted ones.
    """

    ledger: Ledger
    push: int
    endpoint: Endpoint
    sender: "RecordSender"
    existing_ids: Set[str]
    options: PushOptions

    def send(self, resend: Sequence[Entry], progress: SendCallback) -> None:
        """Send the records up to the limit of the options, and record what became of each.

        Those in `resend` come first, as soon as possible after they were looked up. Raises
        OwnCodes, NoAnswers, NotCreated and what `RecordSender.send` raises.
        """
        ready = self.ledger.count_states(self.push)[READY]
        if ready:
            self._check_codes()
        total = min(ready + len(resend), self.options.limit or ready + len(resend))
        breaker = CircuitBreaker(self.ledger, self.endpoint.name)
        entries = chain(resend, self.ledger.entries(self.push, READY))
        for sent, entry in enumerate(entries, 1):
            response = self.sender.send(entry)
            self._record(entry, response)
            progress(sent, total)
            breaker.record(entry, response)
            if response.state == CREATED and response.code != entry.code:
                self._check_codes()
            if sent == self.options.limit:
                return

    def _check_codes(self) -> None:
        """Raise OwnCodes if the tenant assigns its own codes and that is not accepted."""
        name = self.endpoint.name
        if not self.options.allow_renumbering and (last := self.ledger.last_renumbered(name)):
            raise OwnCodes(name, last.code, last.given_code, last.id or "")

    def _record(self, entry: Entry, response: CreateResponse) -> None:
        columns: dict[str, Any] = {"status": response.status, "answer": response.text}
        if response.state == CREATED:
            self._record_created(entry, response)
        elif response.status == CONFLICT and not entry.first_lost_at:
            self.ledger.mark_conflict(entry, **columns)
        elif response.state == UNKNOWN or entry.first_lost_at:  # the first request may have made it
            note = "It is looked up when its file is pushed again."
            self.ledger.mark_lost(entry, note=note, **columns)
        else:
            self.ledger.mark_refused(entry, defer=True, **columns)

    def _record_created(self, entry: Entry, response: CreateResponse) -> None:
        id_ = response.id or ""
        if id_ in self.existing_ids or self.ledger.find_by_id(self.endpoint.name, id_):
            answer = f"P4 Books answered with a record that it already had (id {id_})."
            self.ledger.mark_refused(entry, status=response.status, answer=answer)
            return
        self.ledger.mark_created(
            entry,
            defer=True,
            status=response.status,
            id=response.id,
            given_code=response.code,
            differs=self._list_stored_otherwise(entry, response),
        )

    def _list_stored_otherwise(self, entry: Entry, response: CreateResponse) -> str | None:
        """Name the fields that the response shows with another value; absent ones prove nothing."""
        record = response.record or {}
        sent = {
            name: value
            for name, value in parse_response_json(entry.body).items()
            if name in record and name != "code"
        }
        return ", ".join(list_differences(sent, record, self.endpoint)) or None


class RecordSender:
    """Sends records, one at a time."""

    def __init__(
        self,
        connection: ApiConnection,
        endpoint: Endpoint,
        ledger: Ledger,
        retry_policy: RetryPolicy,
    ) -> None:
        self._target = connection.target
        self._limiter = connection.limiter
        self._endpoint = endpoint
        self._ledger = ledger
        self._retry_policy = retry_policy
        self._url = f"{self._target.address}/{endpoint.path}"
        self._timeouts = replace(connection.timeouts, silence=retry_policy.timeout)
        self._session = HttpSession(
            self._target.address, self._target.key, self._limiter, self._timeouts
        )

    @property
    def counts(self) -> RequestCounts:
        """What the requests cost so far."""
        return self._session.counts

    def send(self, entry: Entry) -> CreateResponse:
        """Send a record, and return what became of it; its state is *sending* then.

        Only what was certainly not processed is sent again: after a 429, a failure before any byte
        was sent, or a redirect on the same host that took nothing. Raises NotReached,
        StillRefusing, NotCreated and SentOn, and the state is the one before; after a SentOn it is
        *unknown* if the redirect may have followed the creation. Raises LedgerTrouble.
        """
        refusals, failures = RefusalSeries(self._limiter.window), 0
        redirects: list[RedirectTarget] = []
        while True:
            url = redirects[-1].url if redirects else self._url
            try:
                response = self._post(entry, url)
            except urllib3.exceptions.HTTPError as error:
                if self._session.request_sent:
                    return CreateResponse(UNKNOWN, describe_missing_response(error, self._timeouts))
                failures += 1
                self._wait_for_connection(entry, failures, error)
                continue
            if response.status == 429:
                self._block_limiter(entry, refusals, response)
            elif 300 <= response.status < 400:
                redirects.append(self._check_redirect(entry, url, response, len(redirects)))
            else:
                return self._classify(entry, response)

    def _post(self, entry: Entry, url: str) -> HttpResponse:
        return self._session.post(
            url,
            entry.body,
            before_wait=self._ledger.flush,
            before_send=lambda: self._ledger.mark_sending(entry),
        )

    def _wait_for_connection(self, entry: Entry, failures: int, error: Exception) -> None:
        policy = self._retry_policy
        failure = self._target.describe_failure(error, self._timeouts)
        self._ledger.mark_not_taken(entry)
        if failures >= MAX_ATTEMPTS:
            raise NotReached(self._endpoint.name, self._target.host, failure.why, failure.remedy)
        log.info("%s: %s; try %d", self._endpoint.name, failure.why, failures + 1)
        policy.sleep(min(policy.backoff * 2 ** (failures - 1), MAX_BACKOFF))

    def _block_limiter(self, entry: Entry, refusals: RefusalSeries, response: HttpResponse) -> None:
        """Block all processes for as long as the 429 asks; the next try waits for that."""
        self._ledger.mark_not_taken(entry)
        self.counts.refused += 1
        wait = refusals.next_wait(response.headers)
        if wait is None:
            raise StillRefusing(self._endpoint.name)
        log.info("%s: over the limit, waiting %.0f s", self._endpoint.name, wait)
        self._limiter.block(wait)

    def _check_redirect(
        self, entry: Entry, url: str, response: HttpResponse, followed: int
    ) -> RedirectTarget:
        """Return where to send the record instead; its state is the one before. Raises SentOn."""
        name, status, target = self._endpoint.name, response.status, response.redirect
        shown = target.shown if target else "an unnamed address"
        if not self._took_nothing(url, response):
            self._ledger.mark_lost(entry, status=status, answer=f"redirected to {shown}")
            raise SentOn(name, status, shown, None)
        self._ledger.mark_not_taken(entry)
        if target is None or not target.is_same_host:
            remedy = target.remedy if target else "Check the setting `base_url`."
            raise SentOn(name, status, shown, remedy)
        if followed >= MAX_REDIRECTS or not (status in _NOT_PROCESSED or target.adds_slash):
            raise SentOn(name, status, shown, "Check the settings `base_url` and `api_key`.")
        if status in PERMANENT or target.adds_slash:
            self._url = target.url  # for the next records
        return target

    def _took_nothing(self, url: str, response: HttpResponse) -> bool:
        """Return whether a redirect shows that the record was not processed.

        A 301 or 302 does if a GET of the same address is redirected to the same place: then it
        applies to the address, and is not the result of the creation.
        """
        if response.status in _NOT_PROCESSED:
            return True
        if response.redirect is None or response.status == _DONE_ELSEWHERE:
            return False
        try:
            other = self._session.get_once(url, {self._target.page_size_param: 1})
        except urllib3.exceptions.HTTPError:
            return False
        return other.redirect is not None and other.redirect.address == response.redirect.address

    def _classify(self, entry: Entry, response: HttpResponse) -> CreateResponse:
        status, name = response.status, self._endpoint.name
        if status in DENIALS:
            self._ledger.mark_not_taken(entry, status=status)
            raise NotCreated(name, status, extract_message(response.data))
        return classify_response(status, response.data, self._endpoint)


class CircuitBreaker:
    """Stops a push if failures in a row show that they do not concern the records."""

    def __init__(self, ledger: Ledger, endpoint: str) -> None:
        self._ledger = ledger
        self._endpoint = endpoint
        self._may_create = ledger.last_created(endpoint) is not None
        self._lost = self._lost_in_a_row = 0
        self._denied: list[Entry] = []

    def record(self, entry: Entry, response: CreateResponse) -> None:
        """Take in a response that is recorded in the ledger.

        Raises NoAnswers, and NotCreated: records with 403 or 404 are then not refused, but have the
        state that they had before.
        """
        if response.state == UNKNOWN and response.status != CONFLICT:
            self._lost, self._lost_in_a_row = self._lost + 1, self._lost_in_a_row + 1
            if self._lost_in_a_row == MAX_LOST_IN_A_ROW or self._lost == MAX_LOST:
                raise NoAnswers(self._endpoint, self._lost_in_a_row, self._lost, response.text)
            return
        self._lost_in_a_row = 0
        self._may_create |= response.state == CREATED
        if response.status not in AMBIGUOUS_DENIALS:
            self._denied.clear()
            return
        self._denied.append(entry)
        if not self._may_create or len(self._denied) == MAX_DENIED_IN_A_ROW:
            for denied in self._denied:
                self._ledger.mark_not_taken(denied)
            raise NotCreated(self._endpoint, response.status or 0, response.text)
