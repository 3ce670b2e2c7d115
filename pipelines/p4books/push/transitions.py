"""States of a record in the ledger, and the events that change them.

A record is in one of five states. `TRANSITIONS` says which event takes it from which state to
which other one.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN


class Event(Enum):
    """What can happen to a record in the ledger."""

    ENQUEUED = "a push takes it up to be sent"
    SENT = "its request is about to be sent"
    NOT_TAKEN = "P4 Books certainly did not process the request"
    CREATED = "a response or the list shows the record"
    REFUSED = "P4 Books says that it did not create the record"
    CONFLICT = "P4 Books says that a record with its code exists (409)"
    LOST = "no response says what became of the request"
    INTERRUPTED = "the push that was sending it ended"


class NextState(NamedTuple):
    """The state after an event; None if the event is illegal.

    `if_lost` applies to a record that was once sent without a conclusive response: it may exist in
    P4 Books, so it never becomes *ready* or *refused* again.
    """

    if_never_lost: str | None
    if_lost: str | None


# By event and by the state before it. What is not in the table is illegal.
TRANSITIONS: Mapping[Event, Mapping[str, NextState]] = {
    Event.ENQUEUED: {
        READY: NextState(READY, UNKNOWN),  # lost ones: only in ledgers of earlier versions
        REFUSED: NextState(READY, UNKNOWN),
        UNKNOWN: NextState(UNKNOWN, UNKNOWN),
    },
    Event.SENT: {
        READY: NextState(SENDING, None),
        UNKNOWN: NextState(SENDING, SENDING),
    },
    Event.NOT_TAKEN: {
        SENDING: NextState(READY, UNKNOWN),
        REFUSED: NextState(READY, None),  # 403 or 404, which turned out to concern the key
        UNKNOWN: NextState(None, UNKNOWN),  # the same, for a record that was sent once more
    },
    Event.CREATED: {
        SENDING: NextState(CREATED, CREATED),
        UNKNOWN: NextState(CREATED, CREATED),
    },
    Event.REFUSED: {
        SENDING: NextState(REFUSED, UNKNOWN),  # the first request may have created it
        UNKNOWN: NextState(REFUSED, None),  # after a 409: the record with its code is another one
    },
    Event.CONFLICT: {SENDING: NextState(UNKNOWN, UNKNOWN)},
    Event.LOST: {SENDING: NextState(UNKNOWN, UNKNOWN)},
    Event.INTERRUPTED: {SENDING: NextState(UNKNOWN, UNKNOWN)},
}
_LOSING = {Event.LOST, Event.INTERRUPTED}


def build_transition(event: Event) -> tuple[str, str]:
    """Return what an update sets on an event, and the condition under which it is legal."""
    cases, legal = [], []
    for state, (if_never_lost, if_lost) in TRANSITIONS[event].items():
        for after, lost in ((if_never_lost, "left_at is null"), (if_lost, "left_at is not null")):
            if after is not None:
                legal.append(f"state = '{state}' and {lost}")
                cases.append(f"when {legal[-1]} then '{after}'")
    sets = f"state = case {' '.join(cases)} end"
    if event in _LOSING:
        sets += ", left_at = coalesce(left_at, sent_at)"
    return sets, " or ".join(legal)
