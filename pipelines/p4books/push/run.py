"""One push, from the rows of a file to the report.

Map the rows to documents; validate all of them; enqueue them in the ledger; reconcile records of
earlier pushes whose outcome is unknown; send what is ready; reconcile what was lost now; report.
The first file to read.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.errors import OtherBooks, P4BooksError, UsageError
from p4books.extract.client import ApiConnection, Client
from p4books.extract.http import RequestCounts
from p4books.home import check_whole
from p4books.load.books import are_same_books, check_not_lost
from p4books.load.schema import load_endpoints, load_origins
from p4books.load.warehouse import check_warehouse
from p4books.push.documents import RowReader, read_documents
from p4books.push.enqueue import Enqueuer
from p4books.push.errors import (
    KeptOtherwise,
    LedgerHasGap,
    LedgerTrouble,
    NotAllCreated,
    NotReached,
    RefusedBefore,
    Stopped,
)
from p4books.push.ledger import Ledger
from p4books.push.lookups import Lookups, find_held_before
from p4books.push.reconcile import Reconciler
from p4books.push.send import Delivery, RecordSender, RetryPolicy
from p4books.push.tax_ids import TaxIdCheck
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
from p4books.push.validate import validate_documents
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books.storage.sqlite_copy import copy_sqlite
from p4books.transform.models import SqlSources

PushStage = Literal["sent", "reconciling"]
PushCallback = Callable[[PushStage, int, int], None]  # stage, records done, records in total


def push_records(  # noqa: PLR0913 - the use case: all that a caller can choose
    settings: Settings,
    endpoint: str,
    rows: Iterable[SourceRow],
    source: str,
    options: PushOptions | None = None,
    progress: PushCallback = lambda *_: None,
    retry_policy: RetryPolicy | None = None,
    open_ledger: Callable[[Path], Ledger] = Ledger,
) -> PushReport:
    """Create a record for each row that was not sent before, each at most once.

    `source` is the name of the file in the ledger. Raises P4BooksError if nothing could begin:
    UsageError, BadFile, ListNotSynced, BrokenSeed, OtherBooks, AlreadyRunning, LedgerTrouble,
    WarehouseLost; what stops the push later is in `PushReport.errors`. Raises Stopped if the user
    interrupts it.
    """
    started = time.monotonic()
    check_writable(endpoint)
    options, retry_policy = options or PushOptions(), retry_policy or RetryPolicy()
    _check_one_machine(settings, options)
    report = PushReport(endpoint, dry_run=options.dry_run)
    with tenant_lock(settings, "push"), _open_own(settings, open_ledger) as ledger:
        ledger.mark_interrupted()
        check_not_lost(settings)
        check_warehouse(settings.warehouse)
        if not options.same_books:
            _check_books(ledger, settings)
        if options.ledger_complete and not options.dry_run:
            ledger.close_gap()
        definition = load_endpoints(settings.warehouse)[endpoint]
        lookups = Lookups.load(settings, definition, SqlSources.at(None))
        report.books_as_of, existing_ids = lookups.current_to, lookups.own.ids | lookups.own.gone

        reader = RowReader(definition, lookups, options.column_map, options.file_format)
        counter = count()
        documents = (each for each, _ in zip(read_documents(rows, reader), counter, strict=False))
        tax_ids = TaxIdCheck()
        checked = validate_documents(tax_ids.collect(documents), definition, lookups)
        drafts = chain(checked, reader.find_unused())
        held_before = partial(find_held_before, settings.warehouse, definition)
        enqueuer = Enqueuer(ledger, options, report, held_before)
        push = enqueuer.enqueue(drafts, source, settings.address)
        report.warnings = tax_ids.find_wrong()
        _report_reading(reader, report)
        report.rows = max(report.rows, next(counter))  # also those that no column lets be read
        # What need not stay in memory while records are sent.
        del documents, checked, drafts, lookups, reader, tax_ids

        if push is not None:
            report.push = push
            with _record_outcome(ledger, push, report) as outcome:
                connection = ApiConnection.from_settings(settings)
                client = Client(connection, retry_policy.backoff, retry_policy.sleep)
                sender = RecordSender(connection, definition, ledger, retry_policy)
                outcome.counts += [client.counts, sender.counts]
                reconciler = Reconciler(ledger, definition, client, settings.warehouse)
                delivery = Delivery(ledger, push, definition, sender, existing_ids, options)

                unknown = list(ledger.entries(push, UNKNOWN))
                settled = timedelta(seconds=retry_policy.settled)
                resend_after = settled if UNKNOWN in options.resend else None
                resend = _reconcile(reconciler, unknown, report, progress, resend_after)

                with outcome.record_failure():  # what was sent by then is reconciled all the same
                    delivery.send(resend, lambda sent, total: progress("sent", sent, total))

                if outcome.can_reconcile:
                    unknown = list(ledger.entries(push, UNKNOWN))
                    lost = [entry for entry in unknown if entry.sought_at is None]
                    _reconcile(reconciler, lost, report, progress)
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def _open_own(settings: Settings, open_ledger: Callable[[Path], Ledger]) -> Iterator[Ledger]:
    """Open the ledger; with a home, to whose state it belongs, a copy that is thrown away."""
    path = settings.ledger
    if not settings.home:
        with open_ledger(path) as ledger:
            yield ledger
        return
    with TemporaryDirectory() as folder:
        try:
            if path.exists():
                copy_sqlite(path, Path(folder, path.name))
        except (sqlite3.Error, OSError) as error:
            raise LedgerTrouble(path, str(error)) from None
        with open_ledger(Path(folder, path.name)) as ledger:
            yield ledger


def _check_one_machine(settings: Settings, options: PushOptions) -> None:
    """Raise UsageError if other machines could push the same records without this ledger.

    Raises StateTorn if this ledger may be older than what was sent.
    """
    if settings.home and not options.dry_run:
        raise UsageError(
            f"The setting home lets any machine work for tenant {settings.tenant}, but the ledger "
            "of pushes is on the disk of one: another machine would create the same records again. "
            "Nothing was sent. Push from one machine, with a data_dir of its own, whose settings "
            "have neither home nor the storage of lake, but its catalog, which counts all requests."
            " Here they can be validated, with --dry-run."
        )
    check_whole(settings)


def check_writable(name: str) -> None:
    """Raise UsageError if the API cannot create records of this endpoint.

    Contract: POST exists for all endpoints but sales orders.
    """
    if not get_endpoint(name).writable:
        writable = ", ".join(each.name for each in ENDPOINTS.values() if each.writable)
        raise UsageError(f"The API of P4 Books cannot create {name}, only {writable}.")


def _check_books(ledger: Ledger, settings: Settings) -> None:
    """Raise OtherBooks if the ledger or the warehouse has the books of another address."""
    left = "Nothing was sent: with this {}, records would be skipped or sent twice."
    addresses = [origin.address for origin in load_origins(settings.warehouse)]
    before = ledger.last_address()
    if not are_same_books(before, settings, addresses):
        deed = f"Earlier pushes of tenant {settings.tenant} went to {before}"
        raise OtherBooks(deed, settings.address, left.format("ledger"))
    if addresses and not are_same_books(addresses[-1], settings, addresses):
        deed = f"The warehouse of tenant {settings.tenant} has the books of {addresses[-1]}"
        raise OtherBooks(deed, settings.address, left.format("warehouse"))


def _report_reading(reader: RowReader, report: PushReport) -> None:
    """Report how the file was read."""
    report.columns, report.header_row = reader.columns, reader.header_row
    report.hidden_rows, report.hidden_columns = reader.hidden_rows, reader.hidden_columns


def _reconcile(
    reconciler: Reconciler,
    entries: Sequence[Entry],
    report: PushReport,
    progress: PushCallback,
    resend_after: timedelta | None = None,
) -> list[Entry]:
    """Look up entries in their list; return those to send once more.

    If the list cannot be read, that is reported and the push continues.
    """
    if not entries:
        return []
    progress("reconciling", 0, len(entries))
    try:
        return reconciler.reconcile(entries, resend_after)
    except P4BooksError as error:
        report.errors.append(error)
        return []


@dataclass
class _Outcome:
    """How a push ends: what stopped it, and which requests it made."""

    report: PushReport
    failure: P4BooksError | None = None
    counts: list[RequestCounts] = field(default_factory=list)

    @contextmanager
    def record_failure(self) -> Iterator[None]:
        """Record the error that stops what is inside."""
        try:
            yield
        except P4BooksError as error:
            self.failure = error
            self.report.errors.append(error)

    @property
    def can_reconcile(self) -> bool:
        """Whether the list can still be read, and the ledger written."""
        return not isinstance(self.failure, NotReached | LedgerTrouble)


@contextmanager
def _record_outcome(ledger: Ledger, push: int, report: PushReport) -> Iterator[_Outcome]:
    """Record in the ledger and in the report how a push ends, whatever ends it.

    Raises Stopped if the user interrupts it.
    """
    outcome, name = _Outcome(report), "stopped"
    try:
        with outcome.record_failure():
            yield outcome
        name = type(outcome.failure).__name__ if outcome.failure else "done"
    except KeyboardInterrupt:
        raise Stopped(push) from None
    finally:
        report.requests = sum(counts.requests for counts in outcome.counts)
        report.waited = sum(counts.waited for counts in outcome.counts)
        try:
            ledger.mark_interrupted()
            ledger.end_push(push, name)
            _report_states(ledger, push, report)
        except LedgerTrouble as error:
            if not any(isinstance(other, LedgerTrouble) for other in report.errors):
                report.errors.append(error)


def _report_states(ledger: Ledger, push: int, report: PushReport) -> None:
    states, differing = ledger.count_states(push), ledger.count_differing(push)
    report.ready, report.created = states[READY], states[CREATED]
    report.refused, report.unknown = states[REFUSED], states[UNKNOWN]
    if report.refused or report.unknown:
        report.errors.append(NotAllCreated(push, report.refused, report.unknown))
    if report.unknown and (gap := ledger.load_gap()):
        report.errors.append(LedgerHasGap(gap.since))
    if differing:
        report.errors.append(KeptOtherwise(push, differing))
    if report.earlier_refused:
        report.errors.append(RefusedBefore(report.earlier_refused))
