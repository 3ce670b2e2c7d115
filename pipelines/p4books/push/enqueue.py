"""Adding the valid records of a file to the ledger."""

from collections.abc import Iterable

from p4books.endpoints.definition import Endpoint
from p4books.errors import P4BooksError
from p4books.push.errors import BadColumns, BadRows, OtherBooks, SkippedBad
from p4books.push.ledger import Ledger
from p4books.push.lookups import Lookups
from p4books.push.response import parse_response_json
from p4books.push.types import (
    CREATED,
    READY,
    REFUSED,
    UNKNOWN,
    Draft,
    Entry,
    Fault,
    PushOptions,
    PushReport,
    SourceRow,
)
from p4books.push.validate import validate_records
from p4books.settings import Settings

SENT_STATES = frozenset({CREATED, UNKNOWN})


def enqueue_draft(
    ledger: Ledger, push: int, endpoint: str, draft: Draft, *, resend_refused: bool
) -> str | Fault:
    """Take a draft into the ledger for this push, and return the state that it is in now.

    *created* and *refused* rows were so before, and are sent no more, but for refused ones on
    wish. What has the code of another record is a fault.
    """
    entry = ledger.find(endpoint, draft.hash)
    if entry is None:
        return _enqueue_new(ledger, push, endpoint, draft)
    if entry.state == CREATED or (entry.state == REFUSED and not resend_refused):
        ledger.part(push, draft.row, entry.record, already=True)
        return entry.state
    if entry.state == UNKNOWN:
        ledger.take_over(push, entry, draft.row)
        return UNKNOWN
    if fault := _find_duplicate(ledger.with_code(endpoint, draft.code), draft, entry):
        return fault
    ledger.take_over(push, entry, draft.row, READY)
    return READY


def _enqueue_new(ledger: Ledger, push: int, endpoint: str, draft: Draft) -> str | Fault:
    others = ledger.with_code(endpoint, draft.code)
    if fault := _find_duplicate(others, draft):
        return fault
    for entry in others:
        ledger.drop(entry)  # ready, and never sent: this file says it otherwise
    ledger.take(push, endpoint, draft)
    return READY


def _find_duplicate(
    others: Iterable[Entry], draft: Draft, itself: Entry | None = None
) -> Fault | None:
    for entry in others:
        if entry != itself and entry.state in SENT_STATES:
            return _duplicate_fault(draft, *_sent_with_other_content(entry, draft))
    if draft.stands_as is None:
        return None
    spelt = "" if draft.stands_code == draft.code else f" as {draft.stands_code}"
    return _duplicate_fault(
        draft,
        f"A record with this code is in the books already{spelt} (id {draft.stands_as}).",
        "Leave the row out, or give it another code.",
    )


def _sent_with_other_content(entry: Entry, draft: Draft) -> tuple[str, str]:
    """Say which fields of a row are not as they were sent, and what to do."""
    before, now = parse_response_json(entry.body), parse_response_json(draft.body)
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    told = f"Push {entry.push} sent this code with something else in {', '.join(names)}"
    if entry.state == CREATED:
        why = f"{told}: it is created (id {entry.id})."
        return why, "Leave the row out, and change the record in P4 Books."
    why = f"{told}, and it is not known what became of it."
    return why, "Push the row as it was first: it is looked for then."


def _duplicate_fault(draft: Draft, what: str, remedy: str) -> Fault:
    return Fault(draft.row, "code", draft.code, what, remedy, draft.row)


class Enqueuer:
    """Checks the rows of one file, and takes the good ones into the ledger."""

    def __init__(
        self,
        settings: Settings,
        endpoint: Endpoint,
        ledger: Ledger,
        wishes: PushOptions,
        report: PushReport,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._ledger = ledger
        self._wishes = wishes
        self._report = report
        self._number = 0

    def receive(self, rows: Iterable[SourceRow], books: Lookups, source: str) -> int | None:
        """Check all rows; return the number of the push, None where nothing is to be sent.

        Raises OtherBooks, and what reading the rows raises; nothing is written down then.
        """
        self._same_books()
        report = self._report
        report.books_as_of = books.current_to
        with self._ledger.all_or_none(lambda: self._goes_on):
            self._number = self._ledger.begin(self._endpoint.name, source, self._settings.address)
            for each in validate_records(rows, self._endpoint, books, self._wishes.renamed):
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
            now = enqueue_draft(self._ledger, self._number, name, each, resend_refused=resend)
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
