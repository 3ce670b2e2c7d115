"""Which drafts are to be sent?"""

from dataclasses import replace

import pytest
from tests.p4books.push.conftest import Enter, draft

from p4books.push.enqueue import enqueue_draft
from p4books.push.ledger import Ledger
from p4books.push.types import CREATED, READY, REFUSED, UNKNOWN, Draft, Fault


def _take(ledger: Ledger, made: Draft, *, resend_refused: bool = False) -> str | Fault:
    return enqueue_draft(ledger, 2, "vendors", made, resend_refused=resend_refused)


def test_new(ledger: Ledger) -> None:
    """What was never seen is ready."""
    assert _take(ledger, draft("V-1")) == READY
    assert [entry.code for entry in ledger.rows(2, READY)] == ["V-1"]


@pytest.mark.parametrize("state", [CREATED, REFUSED])
def test_sent_before(state: str, ledger: Ledger, enter: Enter) -> None:
    """What an earlier push sent stays with it, though its code is in the books by now."""
    ledger.became(enter("V-1"), state)

    assert _take(ledger, draft("V-1", row=9, stands_as="7")) == state
    assert list(ledger.rows(2)) == []
    assert [entry.push for entry in ledger.rows(1)] == [1]


def test_unknown(ledger: Ledger, enter: Enter) -> None:
    """What is unknown goes over to the push that brings it again, and stays unknown."""
    ledger.became(enter("V-1"), UNKNOWN)

    assert _take(ledger, draft("V-1", row=9)) == UNKNOWN
    assert [(entry.row, entry.state) for entry in ledger.rows(2)] == [(9, UNKNOWN)]


def test_never_sent(ledger: Ledger, enter: Enter) -> None:
    """What an earlier push did not come to send is sent by this one."""
    enter("V-1")

    assert _take(ledger, draft("V-1")) == READY
    assert list(ledger.rows(1)) == []
    assert len(list(ledger.rows(2, READY))) == 1


def test_refused_and_wished(ledger: Ledger, enter: Enter) -> None:
    """A refused row is sent again on wish only, and not if its code has come meanwhile."""
    ledger.became(enter("V-1"), REFUSED)
    ledger.became(enter("V-2"), REFUSED)

    assert _take(ledger, draft("V-1"), resend_refused=True) == READY
    fault = _take(ledger, draft("V-2", stands_as="7"), resend_refused=True)
    assert isinstance(fault, Fault)
    assert "id 7" in fault.what


def test_code_in_the_books(ledger: Ledger) -> None:
    """A code that is in the books is a fault, and so the row is not taken."""
    fault = _take(ledger, draft("V-1", row=5, stands_as="7"))

    assert isinstance(fault, Fault)
    assert (fault.row, fault.column, fault.value) == (5, "code", "V-1")
    assert list(ledger.rows(2)) == []


@pytest.mark.parametrize("state", [CREATED, UNKNOWN])
def test_code_of_another_row(state: str, ledger: Ledger, enter: Enter) -> None:
    """A code that was sent with other content is a fault, that names the push."""
    ledger.became(enter("V-1"), state)

    fault = _take(ledger, draft("V-1", phone="507"))

    assert isinstance(fault, Fault)
    assert fault.what.startswith("Push 1 sent this code with something else in phone")


def test_another_spelling(ledger: Ledger) -> None:
    """A code that is in the books in another spelling is a fault that names that one."""
    fault = _take(ledger, replace(draft("v-1", stands_as="7"), stands_code="V-1"))

    assert isinstance(fault, Fault)
    assert "as V-1 (id 7)" in fault.what


@pytest.mark.parametrize("state", [READY, REFUSED])
def test_corrected(state: str, ledger: Ledger, enter: Enter) -> None:
    """A row that made no record may be corrected: the new one is sent, and never the old one."""
    ledger.became(enter("V-1"), state)

    assert _take(ledger, draft("V-1", phone="507")) == READY
    ready = [*ledger.rows(1, READY), *ledger.rows(2, READY)]
    assert [entry.body for entry in ready] == [draft("V-1", phone="507").body]
