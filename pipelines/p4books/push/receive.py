"""Which rows of a file does a push take?"""

from collections.abc import Iterable

from p4books.endpoint import Endpoint
from p4books.errors import P4BooksError
from p4books.push.books import Books
from p4books.push.checks import check
from p4books.push.draft import Draft
from p4books.push.entry import CREATED, READY, REFUSED, UNKNOWN
from p4books.push.errors import BadColumns, BadRows, OtherBooks, SkippedBad
from p4books.push.fault import Fault
from p4books.push.ledger import Ledger
from p4books.push.report import Report
from p4books.push.row import Row
from p4books.push.taking import take
from p4books.push.wishes import Wishes
from p4books.settings import Settings


class Receiving:
    """Checks the rows of one file, and takes the good ones into the ledger."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, ledger: Ledger, wishes: Wishes, report: Report
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._ledger = ledger
        self._wishes = wishes
        self._report = report
        self._number = 0

    def receive(self, rows: Iterable[Row], books: Books, source: str) -> int | None:
        """Check all rows; return the number of the push, None where nothing is to be sent.

        Raises OtherBooks, and what reading the rows raises; nothing is written down then.
        """
        self._same_books()
        report = self._report
        report.books_as_of = books.current_to
        with self._ledger.all_or_none(lambda: self._goes_on):
            self._number = self._ledger.begin(self._endpoint.name, source, self._settings.address)
            for each in check(rows, self._endpoint, books, self._wishes.renamed):
                self._take(each)
            self._drop_bad()
            earlier = report.earlier + report.earlier_refused
            self._ledger.count(self._number, report.rows, report.bad, earlier)
        if report.faults:
            report.errors.append(self._bad())
        return self._number if self._goes_on else None

    def _take(self, each: Draft | Fault) -> None:
        if isinstance(each, Draft):
            resend = REFUSED in self._wishes.again
            name = self._endpoint.name
            now = take(self._ledger, self._number, name, each, resend_refused=resend)
        else:
            now = each
        report = self._report
        if isinstance(now, Fault):
            report.faults.append(now)
            return
        report.rows += 1
        report.earlier += now == CREATED
        report.earlier_refused += now == REFUSED
        report.ready += now == READY
        report.unknown += now == UNKNOWN

    def _drop_bad(self) -> None:
        """Count the bad records; one that was taken before a later row showed its fault is none."""
        report = self._report
        bad = {fault.record for fault in report.faults} - {0}
        dropped = self._ledger.drop_rows(self._number, bad)
        report.bad = len(bad)
        report.ready -= dropped
        report.rows += report.bad - dropped

    def _same_books(self) -> None:
        before, now = self._ledger.address(), self._settings.address
        if before not in {None, now} and not self._wishes.same_books:
            raise OtherBooks(self._settings.tenant, before or "", now)

    def _bad(self) -> P4BooksError:
        """Say that there are faults, and what that means for the rest."""
        report = self._report
        if not all(fault.record for fault in report.faults):
            return BadColumns(self._endpoint.name)
        return SkippedBad(report.bad) if self._skips else BadRows(report.bad, report.rows)

    @property
    def _skips(self) -> bool:
        """Whether bad rows are left out; a fault of the whole file can't be."""
        return self._wishes.skip_bad and all(fault.record for fault in self._report.faults)

    @property
    def _goes_on(self) -> bool:
        return not self._wishes.dry_run and (self._skips or not self._report.faults)
