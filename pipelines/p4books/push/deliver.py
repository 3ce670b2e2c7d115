"""How are the rows of a push sent, one after the other?"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any

from p4books.endpoint import Endpoint
from p4books.push import said
from p4books.push.entry import CREATED, READY, REFUSED, UNKNOWN, Entry
from p4books.push.errors import OwnCodes
from p4books.push.ledger import Ledger
from p4books.push.said import Said
from p4books.push.same import differences
from p4books.push.send import Sender
from p4books.push.stops import Stops
from p4books.push.wishes import Wishes

Told = Callable[[int], None]  # how many rows have been sent


@dataclass(frozen=True)
class Delivery:
    """Sends what is ready of one push.

    `before` are the ids of records that were there before, gone ones too.
    """

    ledger: Ledger
    push: int
    endpoint: Endpoint
    sender: Sender
    before: Set[str]
    wishes: Wishes

    def run(self, again: Sequence[Entry], told: Told) -> None:
        """Send the rows, as many as are wished, and write down what became of each.

        Those that are sent once more come first, as short as can be after they were looked for.
        Raises OwnCodes, NoAnswers, NotCreated and what Sender.send raises.
        """
        stops = Stops(self.ledger, self.endpoint.name)
        for sent, entry in enumerate(chain(again, self.ledger.rows(self.push, READY)), 1):
            what = self.sender.send(entry)
            self._write(entry, what)
            told(sent)
            stops.note(entry, what)
            if what.state == CREATED and what.code != entry.code:
                self._renumbered(entry, what)
            if sent == self.wishes.limit:
                return

    def _write(self, entry: Entry, what: Said) -> None:
        told: dict[str, Any] = {"status": what.status, "answer": what.text}
        if what.state == CREATED:
            self._write_created(entry, what)
        elif what.status == said.CONFLICT and not entry.left_at:
            self.ledger.became(entry, UNKNOWN, **told)
        elif what.state == UNKNOWN or entry.left_at:  # the first sending may have made it
            self.ledger.lost(entry, note="It is looked for when its file is pushed again.", **told)
        else:
            self.ledger.became(entry, REFUSED, soon=True, **told)

    def _write_created(self, entry: Entry, what: Said) -> None:
        if what.id in self.before or self.ledger.created_as(self.endpoint.name, what.id or ""):
            note = f"P4 Books answered with a record that it had before (id {what.id})."
            self.ledger.became(entry, REFUSED, status=what.status, answer=note)
            return
        self.ledger.became(
            entry,
            CREATED,
            soon=True,
            status=what.status,
            id=what.id,
            given_code=what.code,
            differs=self._other_values(entry, what),
        )

    def _renumbered(self, entry: Entry, what: Said) -> None:
        if not self.wishes.allow_renumbering and self.ledger.renumbered(self.endpoint.name):
            raise OwnCodes(self.endpoint.name, entry.code, what.code, what.id or "")

    def _other_values(self, entry: Entry, what: Said) -> str | None:
        """Name what the answer shows otherwise than it was sent; what it lacks tells nothing."""
        shown = what.record or {}
        sent = {k: v for k, v in said.parse(entry.body).items() if k in shown and k != "code"}
        return ", ".join(differences(sent, shown, self.endpoint)) or None
