"""What became of the rows whose answer was lost?"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from p4books.api.client import Client
from p4books.endpoint import Endpoint
from p4books.push.entry import CREATED, READY, Entry
from p4books.push.held import held_before
from p4books.push.ledger import Ledger
from p4books.push.seek import Search, Sought
from p4books.push.verdict import Verdict, verdicts


def find(  # noqa: PLR0913
    ledger: Ledger,
    entries: Sequence[Entry],
    endpoint: Endpoint,
    client: Client,
    warehouse: Path,
    *,
    resend: bool,
) -> None:
    """Seek unknown rows in their list, and write down what is found out.

    A list that was once read whole after the sending is not read whole again by itself: its tail
    is. With `resend` it is, and what is not there then is ready to be sent once more. Raises what
    `Client.page` raises.
    """
    own_codes = ledger.renumbered(endpoint.name) is not None
    judge = partial(verdicts, entries, own_codes=own_codes)

    def enough(sought: Sought) -> bool:
        return all(verdict.found for verdict in judge(sought))

    search = Search(
        client,
        endpoint,
        entries,
        held=lambda ids, instant: held_before(warehouse, endpoint, ids, instant),
        taken=lambda id_: ledger.created_as(endpoint.name, id_) is not None,
        enough=enough,
    )
    whole = resend or any(entry.sought_at is None for entry in entries)
    sought = search.run(whole=whole, now=lambda: datetime.now(UTC))
    for verdict in judge(sought):
        _write(ledger, verdict, sought, resend=resend)


def _write(ledger: Ledger, verdict: Verdict, sought: Sought, *, resend: bool) -> None:
    entry, found = verdict.entry, verdict.found
    if found:
        note = "Found in P4 Books after its answer was lost."
        ledger.became(entry, CREATED, id=found.id, given_code=found.code, note=note)
        return
    began = sought.began.isoformat(timespec="milliseconds")
    sought_at = began if sought.complete else entry.sought_at
    if resend and verdict.may_resend:
        ledger.became(entry, READY, sought_at=sought_at, note="Sent once more, as wished.")
        return
    if sought.complete or entry.sought_at is None:  # a tail alone says nothing new
        ledger.note(entry, sought_at=sought_at, note=verdict.note)
