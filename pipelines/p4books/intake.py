"""What does the warehouse take of what was read?

Rows that were seen, always; that a row is gone, only at a scan's end and within the guard; nothing
of a list of which there is no whole copy yet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from p4books.api.lists import Read
from p4books.errors import Incomplete, P4BooksError, TooManyGone
from p4books.load import delta
from p4books.load.delta import Delta
from p4books.load.tables import NEVER, Held, Scanned

GONE_ANYWAY = 20  # rows that may be gone of any list, whatever their share


@dataclass(frozen=True)
class Guard:
    """How much may be gone at once: a share of the rows held, of some endpoints any."""

    share: float
    allowed: Collection[str] = ()

    def refuses(self, found: Delta) -> bool:
        """Tell whether so many rows are gone that a person must say so."""
        if found.endpoint.name in self.allowed or not found.gone:
            return False
        return found.seen == 0 or (
            found.gone > GONE_ANYWAY and found.gone > self.share * found.held
        )


def compare(
    con: duckdb.DuckDBPyConnection, read: Sequence[Read], held: Held, guard: Guard
) -> tuple[list[tuple[Read, Delta]], dict[str, P4BooksError]]:
    """Compare each list with what is held; a first copy that is not whole is left out.

    Returns the lists with what each changes, and by endpoint what could not be taken: Incomplete,
    TooManyGone.
    """
    pairs: list[tuple[Read, Delta]] = []
    faults: dict[str, P4BooksError] = {}
    for one in read:
        name, verdict = one.endpoint.name, one.scan.verdict
        known = name in held.scans
        if verdict and not verdict.complete:
            faults[name] = Incomplete(name, verdict.announced, verdict.seen, held=known)
        if known or (verdict and verdict.complete):
            found = _delta(con, one, held.scans.get(name, NEVER))
            if guard.refuses(found):
                faults[name] = TooManyGone(name, found.gone, found.held)
                found = delta.refuse(con, found)
            pairs.append((one, found))
    return pairs, faults


def _delta(con: duckdb.DuckDBPyConnection, one: Read, before: Scanned) -> Delta:
    """Compare what is new in the spool; at a scan's end, all of it, and what is gone."""
    verdict, pages, identity = one.scan.verdict, one.spool.pages(), one.scan.identity
    loaded = before.loaded_of(identity)
    ended, goes_on = Scanned(identity), Scanned(before.concluded, identity, len(pages))
    return delta.compare(
        con,
        one.endpoint,
        pages if verdict else pages[loaded:],
        complete=verdict is not None and verdict.complete,
        quiet=verdict is not None and verdict.quiet,
        loaded=loaded,
        scanned=ended if verdict else goes_on,
    )
