"""Adding drafts to the ledger; what `Enqueuer` makes of a whole file is in test_run.py."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.p4books.push.conftest import AddEntry, make_draft

from p4books.push.enqueue import enqueue_draft
from p4books.push.ledger import Ledger
from p4books.push.types import CREATED, READY, REFUSED, UNKNOWN, Draft, RowFault


def _enqueue(ledger: Ledger, draft: Draft, *, resend_refused: bool = False) -> str | RowFault:
    return enqueue_draft(ledger, 2, "vendors", draft, resend_refused=resend_refused)


def test_new_record(ledger: Ledger) -> None:
    """A record that was never seen is ready."""
    assert _enqueue(ledger, make_draft("V-1")) == READY
    assert [entry.code for entry in ledger.entries(2, READY)] == ["V-1"]


@pytest.mark.parametrize("state", [CREATED, REFUSED])
def test_sent_before(state: str, ledger: Ledger, add_entry: AddEntry) -> None:
    """What an earlier push sent stays with it, although its code is in the books by now."""
    add_entry("V-1", state=state)

    assert _enqueue(ledger, make_draft("V-1", row=9, existing_id="7")) == state
    assert list(ledger.entries(2)) == []
    assert [entry.push for entry in ledger.entries(1)] == [1]


def test_unknown(ledger: Ledger, add_entry: AddEntry) -> None:
    """An unknown record moves to the push that contains it again, and stays unknown."""
    add_entry("V-1", state=UNKNOWN)

    assert _enqueue(ledger, make_draft("V-1", row=9)) == UNKNOWN
    assert [(entry.row, entry.state) for entry in ledger.entries(2)] == [(9, UNKNOWN)]


def test_never_sent(ledger: Ledger, add_entry: AddEntry) -> None:
    """What an earlier push did not get to send is sent by this one."""
    add_entry("V-1")

    assert _enqueue(ledger, make_draft("V-1")) == READY
    assert list(ledger.entries(1)) == []
    assert len(list(ledger.entries(2, READY))) == 1


def test_resend_refused(ledger: Ledger, add_entry: AddEntry) -> None:
    """A refused record is sent again on request only, and not if its code exists by now."""
    add_entry("V-1", state=REFUSED)
    add_entry("V-2", state=REFUSED)

    assert _enqueue(ledger, make_draft("V-1"), resend_refused=True) == READY
    fault = _enqueue(ledger, make_draft("V-2", existing_id="7"), resend_refused=True)
    assert isinstance(fault, RowFault)
    assert "id 7" in fault.what


@pytest.mark.parametrize("state", [READY, REFUSED])
def test_lost_in_an_earlier_version(
    state: str, ledger: Ledger, ledger_path: Path, add_entry: AddEntry
) -> None:
    """A record that an earlier version called ready or refused though it was lost is looked up."""
    add_entry("V-1", state=UNKNOWN)
    with closing(sqlite3.connect(ledger_path)) as old, old:
        old.execute("update record set state = ?, left_at = '2026-06-01T00:00:00Z'", (state,))

    fault = _enqueue(ledger, make_draft("V-1", name="Another"))
    result = _enqueue(ledger, make_draft("V-1", row=9), resend_refused=True)

    assert result == UNKNOWN
    assert [(entry.row, entry.state) for entry in ledger.entries(2, UNKNOWN)] == [(9, UNKNOWN)]
    assert isinstance(fault, RowFault) == (state == READY)


def test_existing_code(ledger: Ledger) -> None:
    """A code that is in the books is a fault, and the record is not added."""
    fault = _enqueue(ledger, make_draft("V-1", row=5, existing_id="7"))

    assert isinstance(fault, RowFault)
    assert (fault.row, fault.column, fault.value) == (5, "code", "V-1")
    assert list(ledger.entries(2)) == []


def test_existing_code_in_another_spelling(ledger: Ledger) -> None:
    """A code that is in the books in another spelling is a fault that shows that spelling."""
    fault = _enqueue(ledger, replace(make_draft("v-1", existing_id="7"), existing_code="V-1"))

    assert isinstance(fault, RowFault)
    assert "as V-1 (id 7)" in fault.what


@pytest.mark.parametrize("state", [CREATED, UNKNOWN])
def test_code_sent_with_other_content(state: str, ledger: Ledger, add_entry: AddEntry) -> None:
    """A code that was sent with other content is a fault that names the push and the fields."""
    add_entry("V-1", state=state)

    fault = _enqueue(ledger, make_draft("V-1", phone="507"))

    assert isinstance(fault, RowFault)
    assert fault.what.startswith("Push 1 sent this code with other values in phone")


@pytest.mark.parametrize("state", [READY, REFUSED])
def test_corrected_record(state: str, ledger: Ledger, add_entry: AddEntry) -> None:
    """A record that was not created can be corrected: the new one is sent, and never the old."""
    add_entry("V-1", state=state)

    assert _enqueue(ledger, make_draft("V-1", phone="507")) == READY
    ready = [*ledger.entries(1, READY), *ledger.entries(2, READY)]
    assert [entry.body for entry in ready] == [make_draft("V-1", phone="507").body]
