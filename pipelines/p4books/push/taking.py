"""Which drafts are to be sent?"""

from collections.abc import Iterable

from p4books.push import said
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
    if entry.state == CREATED or (entry.state == REFUSED and not resend_refused):
        ledger.part(push, draft.row, entry.record, already=True)
        return entry.state
    if entry.state == UNKNOWN:
        ledger.take_over(push, entry, draft.row)
        return UNKNOWN
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
            return _fault(draft, *_sent_otherwise(entry, draft))
    if draft.stands_as is None:
        return None
    spelt = "" if draft.stands_code == draft.code else f" as {draft.stands_code}"
    return _fault(
        draft,
        f"A record with this code is in the books already{spelt} (id {draft.stands_as}).",
        "Leave the row out, or give it another code.",
    )


def _sent_otherwise(entry: Entry, draft: Draft) -> tuple[str, str]:
    """Say which fields of a row are not as they were sent, and what to do."""
    before, now = said.parse(entry.body), said.parse(draft.body)
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    told = f"Push {entry.push} sent this code with something else in {', '.join(names)}"
    if entry.state == CREATED:
        why = f"{told}: it is created (id {entry.id})."
        return why, "Leave the row out, and change the record in P4 Books."
    why = f"{told}, and it is not known what became of it."
    return why, "Push the row as it was first: it is looked for then."


def _fault(draft: Draft, what: str, remedy: str) -> Fault:
    return Fault(draft.row, "code", draft.code, what, remedy, draft.row)
