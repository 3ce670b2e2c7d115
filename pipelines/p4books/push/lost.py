"""What became of the rows whose answer was lost?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from p4books.api.client import Client
from p4books.endpoint import Endpoint
from p4books.push.entry import CREATED, REFUSED, Entry
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
    resend_after: timedelta | None = None,
) -> list[Entry]:
    """Seek unknown rows in their list, and write down what is found out.

    A list that was once read whole after the sending is not read whole again by itself: its tail
    is. With `resend_after` it is, and what is not there then and was sent longer ago is returned:
    it may be sent once more. Where a tenant numbers records itself, all unknown rows are judged
    together. Raises what `Client.page` raises.
    """
    own_codes = ledger.renumbered(endpoint.name) is not None
    if own_codes:
        entries = ledger.unknown(endpoint.name)
    judge = partial(verdicts, entries, own_codes=own_codes)

    def enough(sought: Sought) -> bool:
        return all(verdict.found or verdict.is_refused for verdict in judge(sought))

    search = Search(
        client,
        endpoint,
        entries,
        held=lambda ids, instant: held_before(warehouse, endpoint, ids, instant),
        taken=lambda id_: ledger.created_as(endpoint.name, id_) is not None,
        enough=enough,
    )
    whole = resend_after is not None or any(entry.sought_at is None for entry in entries)
    sought = search.run(whole=whole)
    again = []
    for verdict in judge(sought):
        _write(ledger, verdict, sought)
        if resend_after is not None and verdict.may_resend:
            if _is_old(verdict.entry, sought.began - resend_after):
                again.append(verdict.entry)
            else:
                ledger.note(verdict.entry, note=_too_soon(resend_after))
    return again


def _write(ledger: Ledger, verdict: Verdict, sought: Sought) -> None:
    entry, found = verdict.entry, verdict.found
    if found:
        note = "Found in P4 Books after its answer was lost."
        ledger.became(entry, CREATED, id=found.id, given_code=found.code, note=note)
    elif verdict.is_refused:
        ledger.became(entry, REFUSED, note=verdict.note)
    elif sought.complete or entry.sought_at is None:  # a tail alone says nothing new
        began = sought.began.isoformat(timespec="milliseconds")
        sought_at = began if sought.complete else entry.sought_at
        ledger.note(entry, sought_at=sought_at, note=verdict.note)


def _is_old(entry: Entry, instant: datetime) -> bool:
    sent_at = entry.sent_at or entry.ready_at
    return datetime.fromisoformat(sent_at).astimezone(UTC) <= instant


def _too_soon(after: timedelta) -> str:
    minutes = after.total_seconds() / 60
    return f"It is not there, and may still come: sent again not before {minutes:g} minutes."
