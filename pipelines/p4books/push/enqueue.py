"""Adding the valid records of a file to the ledger."""

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import replace
from datetime import datetime

from p4books.errors import P4BooksError
from p4books.push.errors import BadColumns, BadRows, SkippedBad
from p4books.push.ledger import Gap, Ledger
from p4books.push.response import parse_response_json
from p4books.push.types import (
    CREATED,
    READY,
    REFUSED,
    UNKNOWN,
    Draft,
    Entry,
    FaultyRecord,
    PushOptions,
    PushReport,
    RowFault,
)

# Which of these ids were in the warehouse before this instant?
HeldBefore = Callable[[Collection[str], datetime], Set[str]]


class Enqueuer:
    """Adds the drafts of one file to the ledger, and counts them and their faults in the report."""

    def __init__(
        self, ledger: Ledger, options: PushOptions, report: PushReport, held_before: HeldBefore
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._report = report
        self._gap = ledger.load_gap()
        self._held_before = held_before

    def enqueue(
        self, records: Iterable[Draft | FaultyRecord | RowFault], source: str, address: str
    ) -> int | None:
        """Begin a push and add all drafts to it; return its number, None if nothing is to be sent.

        In the latter case, and if reading the records raises, nothing is written to the ledger.
        """
        report, endpoint = self._report, self._report.endpoint
        with self._ledger.transaction(commit_if=lambda: self._sends):
            push = self._ledger.begin_push(endpoint, source, address)
            for record in records:
                self._count(self._enqueue_record(push, record))
            self._drop_bad(push)
            earlier = report.earlier + report.earlier_refused
            self._ledger.record_counts(push, report.rows, report.bad, earlier)
        if report.faults:
            report.errors.append(self._describe_faults())
        return push if self._sends else None

    def _enqueue_record(
        self, push: int, record: Draft | FaultyRecord | RowFault
    ) -> str | RowFault | None:
        endpoint = self._report.endpoint
        if isinstance(record, RowFault):
            return record
        if isinstance(record, FaultyRecord):
            return _find_conflict(self._ledger.list_with_code(endpoint, record.code), record)
        if self._gap and not self._ledger.find_by_hash(endpoint, record.hash):
            return self._add_from_gap(push, record, self._gap)
        resend_refused = REFUSED in self._options.resend
        return enqueue_draft(self._ledger, push, endpoint, record, resend_refused=resend_refused)

    def _add_from_gap(self, push: int, draft: Draft, gap: Gap) -> str | RowFault:
        """Add a draft that may have been sent when the ledger did not record it.

        Its code may exist because of that, unless the books had the record before.
        """
        endpoint, id_ = self._report.endpoint, draft.existing_id
        if id_ is not None and not self._held_before([id_], datetime.fromisoformat(gap.since)):
            draft = replace(draft, existing_id=None)
        others = self._ledger.list_with_code(endpoint, draft.code)
        if fault := _find_conflict(others, draft):
            return fault
        for entry in others:
            self._ledger.delete_unsent(entry)
        self._ledger.add_unknown(push, endpoint, draft, gap)
        return UNKNOWN

    def _count(self, result: str | RowFault | None) -> None:
        report = self._report
        if result is None:
            return
        if isinstance(result, RowFault):
            report.faults.append(result)
            return
        report.rows += 1
        report.earlier += result == CREATED
        report.earlier_refused += result == REFUSED
        report.ready += result == READY
        report.unknown += result == UNKNOWN

    def _drop_bad(self, push: int) -> None:
        """Count the bad records; one may be in the ledger before a later row shows its fault."""
        report = self._report
        bad = {fault.record for fault in report.faults} - {0}
        dropped = self._ledger.delete_rows(push, bad)
        report.bad = len(bad)
        report.ready -= dropped
        report.rows += report.bad - dropped

    def _describe_faults(self) -> P4BooksError:
        report = self._report
        if self._has_file_faults:
            return BadColumns(report.endpoint)
        return SkippedBad(report.bad) if self._skips_bad else BadRows(report.bad, report.rows)

    @property
    def _sends(self) -> bool:
        if self._options.dry_run or not self._report.rows:
            return False
        return self._skips_bad or not self._report.faults

    @property
    def _skips_bad(self) -> bool:
        """Whether bad records are skipped; a fault of the whole file cannot be."""
        return self._options.skip_bad and not self._has_file_faults

    @property
    def _has_file_faults(self) -> bool:
        return any(fault.record == 0 for fault in self._report.faults)


def enqueue_draft(
    ledger: Ledger, push: int, endpoint: str, draft: Draft, *, resend_refused: bool
) -> str | RowFault:
    """Add a draft to a push, and return the state that it is in.

    A record that was *created* or *refused* before stays with its push and is not sent again,
    except refused ones with `resend_refused`. A code that another record has is a fault.
    """
    entry = ledger.find_by_hash(endpoint, draft.hash)
    if entry is None:
        return _add_new(ledger, push, endpoint, draft)
    if entry.state == CREATED or (entry.state == REFUSED and not resend_refused):
        ledger.link_row(push, draft.row, entry.record, already=True)
        return entry.state
    if entry.state == UNKNOWN or entry.first_lost_at:  # it may exist: never sent before a search
        ledger.requeue(push, entry, draft.row)
        return UNKNOWN
    if fault := _find_conflict(ledger.list_with_code(endpoint, draft.code), draft, entry):
        return fault
    ledger.requeue(push, entry, draft.row)
    return READY


def _add_new(ledger: Ledger, push: int, endpoint: str, draft: Draft) -> str | RowFault:
    others = ledger.list_with_code(endpoint, draft.code)
    if fault := _find_conflict(others, draft):
        return fault
    for entry in others:
        ledger.delete_unsent(entry)  # this file replaces its content
    ledger.add(push, endpoint, draft)
    return READY


def _find_conflict(
    others: Iterable[Entry], draft: Draft | FaultyRecord, itself: Entry | None = None
) -> RowFault | None:
    for entry in others:
        may_exist = entry.state in {CREATED, UNKNOWN} or entry.first_lost_at
        if entry != itself and may_exist:
            return _code_fault(draft, *_describe_conflict(entry, draft))
    if draft.existing_id is None:
        return None
    spelled = "" if draft.existing_code == draft.code else f" as {draft.existing_code}"
    return _code_fault(
        draft,
        f"A record with this code already exists{spelled} (id {draft.existing_id}).",
        "Remove the row, or give it another code.",
    )


def _describe_conflict(entry: Entry, draft: Draft | FaultyRecord) -> tuple[str, str]:
    """Return which fields of a record differ from those sent before, and what to do."""
    what = f"Push {entry.push} sent this code"
    if isinstance(draft, Draft):
        what += f" with other values in {', '.join(_list_differing(entry, draft))}"
    if entry.state == CREATED:
        return (
            f"{what}, and the record was created (id {entry.id}).",
            "Remove the row, and change the record in P4 Books.",
        )
    return (
        f"{what}, and its outcome is unknown.",
        "Restore the row to what was sent first; its record is then looked up.",
    )


def _list_differing(entry: Entry, draft: Draft) -> list[str]:
    before, now = parse_response_json(entry.body), parse_response_json(draft.body)
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _code_fault(draft: Draft | FaultyRecord, what: str, remedy: str) -> RowFault:
    return RowFault(draft.row, draft.column, draft.code, what, remedy, draft.row, draft.cell)
