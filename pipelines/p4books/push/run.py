"""One push, from the file to the report."""

import time
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.endpoints.definition import Endpoint
from p4books.errors import P4BooksError, UsageError
from p4books.extract.client import ApiConnection, Client
from p4books.load.schema import load_endpoints
from p4books.load.warehouse import check_warehouse
from p4books.push.enqueue import Enqueuer
from p4books.push.errors import (
    KeptOtherwise,
    LedgerTrouble,
    NotAllCreated,
    NotReached,
    OwnCodes,
    RefusedBefore,
    Stopped,
)
from p4books.push.ledger import Ledger
from p4books.push.lookups import Lookups
from p4books.push.reconcile import resolve_unknown
from p4books.push.send import PushDelivery, RecordSender, RetryPolicy
from p4books.push.types import (
    CREATED,
    READY,
    REFUSED,
    UNKNOWN,
    Entry,
    PushOptions,
    PushReport,
    SourceRow,
)
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books.transform.models import SqlSources


class PushClient:
    """What reads lists and what sends rows, under one throttle, made when first needed."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, ledger: Ledger, patience: RetryPolicy
    ) -> None:
        self.patience = patience
        self._settings = settings
        self._endpoint = endpoint
        self._ledger = ledger

    @cached_property
    def client(self) -> Client:
        """What reads the list."""
        patience = self.patience
        return Client(self._connection, patience.backoff, patience.sleep)

    @cached_property
    def sender(self) -> RecordSender:
        """What sends the rows."""
        return RecordSender(self._connection, self._endpoint, self._ledger, self.patience)

    @property
    def cost(self) -> tuple[int, float]:
        """Return how many requests were made, and how many seconds they waited under the limit."""
        made = [
            each.counts for each in vars(self).values() if isinstance(each, Client | RecordSender)
        ]
        return sum(each.requests for each in made), sum(each.waited for each in made)

    @cached_property
    def _connection(self) -> ApiConnection:
        return ApiConnection.from_settings(self._settings)


PushCallback = Callable[[str, int, int], None]  # what is done, how many of it, of how many


def push_records(  # noqa: PLR0913
    settings: Settings,
    endpoint: str,
    rows: Iterable[SourceRow],
    source: str,
    wishes: PushOptions | None = None,
    progress: PushCallback = lambda *_: None,
    patience: RetryPolicy | None = None,
    make_ledger: Callable[[Path], Ledger] = Ledger,
) -> PushReport:
    """Create a record for each row that was not sent before, and say what became of all.

    `source` is what the ledger calls the file, `make_ledger` opens it. Raises P4BooksError where
    nothing could be begun: UsageError, BadFile, NotHeld, BrokenSeed, OtherBooks, AlreadyRunning,
    LedgerTrouble; what stops it later is in `Report.errors`.
    """
    began = time.monotonic()
    check_writable(endpoint)
    wishes, report = (
        wishes or PushOptions(),
        PushReport(endpoint, dry_run=bool(wishes and wishes.dry_run)),
    )
    warehouse = settings.warehouse
    with tenant_lock(settings, "push"), make_ledger(settings.ledger) as ledger:
        ledger.doubt()
        check_warehouse(warehouse)
        known = load_endpoints(warehouse)[endpoint]
        books = Lookups.of(warehouse, known, SqlSources.at(None))
        before = books.own.ids | books.own.gone
        receiving = Enqueuer(settings, known, ledger, wishes, report)
        report.push = receiving.receive(rows, books, source)
        del books  # what was checked against need not stay in memory
        if report.push:
            patience = patience or RetryPolicy()
            _Push(settings, known, ledger, wishes, progress, patience, report, before).go()
    report.seconds = time.monotonic() - began
    return report


def check_writable(name: str) -> None:
    """Raise UsageError where the API creates nothing (contract: POST for all but sales orders)."""
    if not get_endpoint(name).writable:
        can = ", ".join(each.name for each in ENDPOINTS.values() if each.writable)
        raise UsageError(f"P4 Books lets nobody create {name} through its API, only {can}.")


class _Push:
    """One push, from its first request to its last."""

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        endpoint: Endpoint,
        ledger: Ledger,
        wishes: PushOptions,
        progress: PushCallback,
        patience: RetryPolicy,
        report: PushReport,
        before: Set[str],
    ) -> None:
        self._warehouse = settings.warehouse
        self._endpoint = endpoint
        self._ledger = ledger
        self._wishes = wishes
        self._progress = progress
        self._asking = PushClient(settings, endpoint, ledger, patience)
        self._report = report
        self._number = report.push or 0
        self._before = before

    def go(self) -> None:
        """Seek, send, seek; what stops it is in the report, and the ledger knows how it ended."""
        outcome = "stopped"
        try:
            again = self._find(before=True)
            self._send(again)
            self._find()
            outcome = "done"
        except P4BooksError as error:
            self._report.errors.append(error)
            outcome = type(error).__name__
            if not isinstance(error, NotReached | LedgerTrouble):
                self._find()
        except KeyboardInterrupt:
            raise Stopped(self._number) from None
        finally:
            self._end(outcome)

    def _send(self, again: Sequence[Entry]) -> None:
        report, name = self._report, self._endpoint.name
        allowed = self._wishes.allow_renumbering
        if report.ready and not allowed and (entry := self._ledger.renumbered(name)):
            raise OwnCodes(name, entry.code, entry.given_code, entry.id or "")
        delivery = PushDelivery(
            self._ledger,
            self._number,
            self._endpoint,
            self._asking.sender,
            self._before,
            self._wishes,
        )
        ready = report.ready + len(again)
        ready = min(ready, self._wishes.limit or ready)
        delivery.run(again, lambda sent: self._progress("sent", sent, ready))

    def _find(self, *, before: bool = False) -> list[Entry]:
        """Seek rows whose answer was lost, `before` the sending all of them, else the new ones.

        Returns those that may be sent once more. A list that can't be read stops nothing else.
        """
        entries = list(self._ledger.rows(self._number, UNKNOWN))
        if not before:
            entries = [entry for entry in entries if entry.sought_at is None]
        if not entries:
            return []
        self._progress("seeking", 0, len(entries))
        resends = before and UNKNOWN in self._wishes.again
        after = timedelta(seconds=self._asking.patience.settled) if resends else None
        client = self._asking.client
        try:
            return resolve_unknown(
                self._ledger, entries, self._endpoint, client, self._warehouse, after
            )
        except P4BooksError as error:
            self._report.errors.append(error)
            return []

    def _end(self, outcome: str) -> None:
        report = self._report
        report.requests, report.waited = self._asking.cost
        try:
            self._ledger.doubt()
            self._ledger.end(self._number, outcome)
            states = self._ledger.states(self._number)
            differing = self._ledger.differing(self._number)
        except LedgerTrouble as error:
            if not any(isinstance(each, LedgerTrouble) for each in report.errors):
                report.errors.append(error)
            return
        report.ready, report.created = states[READY], states[CREATED]
        report.refused, report.unknown = states[REFUSED], states[UNKNOWN]
        if report.refused or report.unknown:
            report.errors.append(NotAllCreated(self._number, report.refused, report.unknown))
        if differing:
            report.errors.append(KeptOtherwise(self._number, differing))
        if report.earlier_refused:
            report.errors.append(RefusedBefore(report.earlier_refused))
