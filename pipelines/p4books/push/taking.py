"""Which drafts are to be sent?"""

from collections.abc import Iterable

from p4books.push.draft import Draft
from p4books.push.entry import CREATED, READY, REFUSED, UNKNOWN, Entry
from p4books.push.fault import Fault
from p4books.push.ledger import Ledger

SENT = frozenset({CREATED, UNKNOWN})


def take(
    ledger: Ledger, push: int, endpoint: str, draft: Draft, *, resend_refused: bool
) -> str | Fault:
    """Take a draft into the ledger for this push, and return the state that it is in now.

    *created* and *refused* rows were so before, and are sent no more, but for refused ones on
    wish. What has the code of another record is a fault.
    """
    entry = ledger.find(endpoint, draft.hash)
    if entry is None:
        return _first_time(ledger, push, endpoint, draft)
    if entry.state == CREATED:
        return CREATED
    if entry.state == UNKNOWN:
        ledger.take_over(push, entry, draft.row)
        return UNKNOWN
    if entry.state == REFUSED and not resend_refused:
        return REFUSED
    if fault := _twin(ledger.with_code(endpoint, draft.code), draft, entry):
        return fault
    ledger.take_over(push, entry, draft.row, READY)
    return READY


def _first_time(ledger: Ledger, push: int, endpoint: str, draft: Draft) -> str | Fault:
    others = ledger.with_code(endpoint, draft.code)
    if fault := _twin(others, draft):
        return fault
    for entry in others:
        ledger.drop(entry)  # ready, and never sent: this file says it otherwise
    ledger.take(push, endpoint, draft)
    return READY


def _twin(others: Iterable[Entry], draft: Draft, itself: Entry | None = None) -> Fault | None:
    for entry in others:
        if entry != itself and entry.state in SENT:
            became = f" (id {entry.id})" if entry.id else ", and it is not known what became of it"
            return Fault(
                draft.row,
                "code",
                draft.code,
                f"Push {entry.push} sent this code with other content{became}.",
                "Change the record in P4 Books, or give this one another code.",
                draft.row,
            )
    if draft.stands_as is not None:
        return Fault(
            draft.row,
            "code",
            draft.code,
            f"A record with this code is in the books already (id {draft.stands_as}).",
            "Leave the row out, or give it another code.",
            draft.row,
        )
    return None
