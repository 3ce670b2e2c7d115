"""How are the rows of a push sent, one after the other?"""

from collections.abc import Callable, Set
from dataclasses import dataclass

from p4books.endpoint import Endpoint
from p4books.push import said
from p4books.push.entry import CREATED, READY, REFUSED, UNKNOWN, Entry
from p4books.push.errors import NoAnswers, OwnCodes
from p4books.push.ledger import Ledger
from p4books.push.said import Said
from p4books.push.same import differences
from p4books.push.send import Sender
from p4books.push.wishes import Wishes

SILENT = 5  # rows in a row without a verdict, before a push gives up

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

    def run(self, told: Told) -> None:
        """Send the rows, as many as are wished, and write down what became of each.

        Raises OwnCodes, NoAnswers and what Sender.send raises; what was not sent is ready then.
        """
        silent = 0
        for sent, entry in enumerate(self.ledger.rows(self.push, READY), 1):
            what = self.sender.send(entry)
            silent = silent + 1 if what.state == UNKNOWN else 0
            self._write(entry, what)
            told(sent)
            if silent == SILENT:
                raise NoAnswers(self.endpoint.name, silent, what.text)
            if sent == self.wishes.limit:
                return

    def _write(self, entry: Entry, what: Said) -> None:
        if what.state != CREATED:
            certain = what.state == REFUSED
            told = {"status": what.status, "answer": what.text}
            self.ledger.became(entry, what.state, soon=certain, **told)
            return
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
            note=self._other_values(entry, what),
        )
        if what.code != entry.code and not self.wishes.allow_renumbering:
            raise OwnCodes(self.endpoint.name, entry.code, what.code, what.id or "")

    def _other_values(self, entry: Entry, what: Said) -> str | None:
        """Say where the answer shows other values than ours; fields it lacks tell nothing."""
        shown = what.record or {}
        sent = {k: v for k, v in said.parse(entry.body).items() if k in shown and k != "code"}
        differing = list(differences(sent, shown, self.endpoint))
        return f"P4 Books keeps something else in {', '.join(differing)}." if differing else None
