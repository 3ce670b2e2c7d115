"""What happens in a push?

Every row is checked and written into the ledger; rows whose answer was lost earlier are sought;
then one row after the other is sent; what stays without an answer is sought once more.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from p4books import errors
from p4books.alone import alone
from p4books.api.client import Access, Client, throttle_of
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.load import fields, tables
from p4books.nearest import nearest
from p4books.push import lost
from p4books.push.books import Books
from p4books.push.checks import check
from p4books.push.deliver import Delivery
from p4books.push.draft import Draft
from p4books.push.entry import CREATED, READY, REFUSED, UNKNOWN
from p4books.push.errors import (
    BadColumns,
    BadRows,
    NoAnswers,
    NotAllCreated,
    OwnCodes,
    RefusedBefore,
    SentOn,
    SkippedBad,
)
from p4books.push.fault import Fault
from p4books.push.ledger import Ledger
from p4books.push.report import Report
from p4books.push.row import Row
from p4books.push.send import Patience, Sender
from p4books.push.taking import take
from p4books.push.wishes import Wishes
from p4books.settings import Settings
from p4books.warehouse.models import Sources

Progress = Callable[[str, int, int], None]  # what is done, how many of it, of how many


def push(  # noqa: PLR0913
    settings: Settings,
    endpoint: str,
    rows: Iterable[Row],
    source: str,
    wishes: Wishes | None = None,
    progress: Progress = lambda *_: None,
    patience: Patience | None = None,
    make_ledger: Callable[[Path], Ledger] = Ledger,
) -> Report:
    """Create a record for each row that was not sent before, and say what became of all.

    `source` is what the ledger calls the file, `make_ledger` opens it. Raises P4BooksError where
    nothing could be begun: UsageError, BadFile, NotHeld, BrokenSeed, AlreadyRunning, LedgerTrouble;
    what stops it later is in `Report.errors`.
    """
    began = time.monotonic()
    writable(endpoint)
    ledger = make_ledger(settings.private / "ledger.sqlite")
    with alone(settings, "push"), ledger:
        ledger.doubt()
        going = _Push(
            settings, endpoint, ledger, wishes or Wishes(), progress, patience or Patience()
        )
        if going.prepare(rows, source):
            going.go()
    going.report.seconds = time.monotonic() - began
    return going.report


def writable(name: str) -> None:
    """Raise UsageError where the API creates nothing (contract: POST for all but sales orders)."""
    if name not in ENDPOINTS:
        raise errors.UsageError(f"There is no endpoint {name}{nearest(name, ENDPOINTS)}")
    if not ENDPOINTS[name].writable:
        can = ", ".join(each.name for each in ENDPOINTS.values() if each.writable)
        raise errors.UsageError(f"P4 Books lets nobody create {name} through its API, only {can}.")


class _Push:
    """One push, and what it did so far."""

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        endpoint: str,
        ledger: Ledger,
        wishes: Wishes,
        progress: Progress,
        patience: Patience,
    ) -> None:
        self._warehouse = settings.private / "warehouse.duckdb"
        tables.doubt(self._warehouse)
        self._endpoint: Endpoint = fields.endpoints(self._warehouse)[endpoint]
        self._ledger = ledger
        self._wishes = wishes
        self._progress = progress
        self._settings = settings
        self._patience = patience
        self._number = 0
        self.report = Report(endpoint, dry_run=wishes.dry_run)

    def prepare(self, rows: Iterable[Row], source: str) -> bool:
        """Check all rows and take the good ones into the ledger; tell whether to go on."""
        report = self.report
        books = Books.of(self._warehouse, self._endpoint, Sources.at(None))
        self._before = books.own.ids | books.own.gone
        with self._ledger.all_or_none(lambda: self._goes_on):
            self._number = self._ledger.begin(self._endpoint.name, source)
            for each in check(rows, self._endpoint, books, self._wishes.renamed):
                self._take(each)
            report.bad = len({fault.record for fault in report.faults} - {0})
            report.rows += report.bad
            earlier = report.earlier + report.earlier_refused
            self._ledger.count(self._number, report.rows, report.bad, earlier)
        if report.faults:
            report.errors.append(self._bad())
        return self._goes_on

    def _take(self, each: Draft | Fault) -> None:
        if isinstance(each, Draft):
            resend = REFUSED in self._wishes.again
            name = self._endpoint.name
            now = take(self._ledger, self._number, name, each, resend_refused=resend)
        else:
            now = each
        if isinstance(now, Fault):
            self.report.faults.append(now)
            return
        self.report.rows += 1
        self.report.earlier += now == CREATED
        self.report.earlier_refused += now == REFUSED
        self.report.ready += now == READY
        self.report.unknown += now == UNKNOWN

    def _bad(self) -> errors.P4BooksError:
        """Say that there are faults, and what that means for the rest."""
        report = self.report
        if not all(fault.record for fault in report.faults):
            return BadColumns(self._endpoint.name)
        return SkippedBad(report.bad) if self._skips else BadRows(report.bad, report.rows)

    @property
    def _skips(self) -> bool:
        """Whether bad rows are left out; a fault of the whole file can't be."""
        return self._wishes.skip_bad and all(fault.record for fault in self.report.faults)

    @property
    def _goes_on(self) -> bool:
        return not self._wishes.dry_run and (self._skips or not self.report.faults)

    def go(self) -> None:
        """Seek, send, seek; what stops it is in the report, and the ledger knows how it ended."""
        self.report.push = self._number
        outcome = "stopped"
        access, slots = Access.of(self._settings), throttle_of(self._settings)
        patience = self._patience
        self._client = Client(access, slots, patience.backoff, patience.sleep)
        self._sender = Sender(access, slots, self._endpoint, self._ledger, patience)
        try:
            self._find(UNKNOWN in self._wishes.again)
            self._send()
            self._find()
            outcome = "done"
        except errors.P4BooksError as error:
            self.report.errors.append(error)
            outcome = type(error).__name__
        finally:
            self._end(outcome)

    def _send(self) -> None:
        """Send what is ready; where P4 Books' answers stop it, seek first what has none."""
        name = self._endpoint.name
        if not self._wishes.allow_renumbering and (entry := self._ledger.renumbered(name)):
            raise OwnCodes(name, entry.code, entry.given_code, entry.id or "")
        delivery = Delivery(
            self._ledger,
            self._number,
            self._endpoint,
            self._sender,
            self._before,
            self._wishes,
        )
        ready = min(self.report.ready, self._wishes.limit or self.report.ready)
        try:
            delivery.run(lambda sent: self._progress("sent", sent, ready))
        except (NoAnswers, OwnCodes, RefusedBefore, SentOn):
            self._find()
            raise

    def _find(self, resend: bool | None = None) -> None:
        """Seek rows whose answer was lost: all where `resend` is said, else those of this push."""
        entries = list(self._ledger.rows(self._number, UNKNOWN))
        if resend is None:
            entries = [entry for entry in entries if entry.sought_at is None]
        if not entries:
            return
        self._progress("seeking", 0, len(entries))
        lost.find(
            self._ledger,
            entries,
            self._endpoint,
            self._client,
            self._warehouse,
            resend=bool(resend),
        )

    def _end(self, outcome: str) -> None:
        report, counts = self.report, (self._client.counts, self._sender.counts)
        report.requests = sum(each.requests for each in counts)
        report.waited = sum(each.waited for each in counts)
        self._ledger.doubt()
        self._ledger.end(self._number, outcome)
        states = self._ledger.states(self._number)
        report.ready, report.created = states[READY], states[CREATED]
        report.refused, report.unknown = states[REFUSED], states[UNKNOWN]
        if report.refused or report.unknown:
            report.errors.append(NotAllCreated(self._number, report.refused, report.unknown))
        if report.earlier_refused:
            report.errors.append(RefusedBefore(report.earlier_refused))
