"""A list on a server whose rows are added, changed and deleted between any two requests.

Every row records when that happened to it, so that a copy can be compared with it.
"""

import math
import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from p4books.endpoints import ENDPOINTS
from p4books.extract.page import Page, empty_page, parse_page

VENDORS = ENDPOINTS["vendors"]
MAX_ROWS = 60  # a list that grew for ever would be read for ever

Change = tuple[str, int]  # what happens, and a number that selects the row


class Clock:
    """A clock that advances by a second at each look."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return an instant that no other caller gets."""
        self.now += 1
        return self.now


@dataclass
class Row:
    """One row: when it was added, each time it was changed, and when it was deleted."""

    id: int | str
    created: str | None
    instants: list[float]
    deleted_at: float = math.inf

    def existed(self, since: float, until: float) -> bool:
        """Return whether it existed all this time."""
        return self.instants[0] <= since and self.deleted_at > until

    def revisions(self, since: float, until: float) -> range:
        """Return the revisions that it had at some instant of this time."""
        first = max(bisect_right(self.instants, since) - 1, 0)
        return range(first, bisect_right(self.instants, until))


@dataclass
class Books:
    """A paginated list on a server.

    `grows` says where new rows appear: at its "end" or "front", there "among equals", the rows of
    the same date, or "anywhere". Its ids are numbers, unless `uuids`; `moments` rows at a time
    share a creation date, with 0 they have none. `past` the end it returns an "empty" page, a
    "404", or the last page "again". One element of `changes` is applied before each response.
    """

    clock: Clock
    grows: str
    size: int
    past: str = "empty"
    total: bool = True
    uuids: bool = False
    moments: int = 0
    rows: list[Row] = field(default_factory=list)
    history: dict[str, Row] = field(default_factory=dict)
    changes: Iterator[Iterable[Change]] = field(default_factory=lambda: iter(()))

    def apply(self, changes: Iterable[Change]) -> None:
        """Add, delete and change rows."""
        for kind, which in changes:
            if kind == "add" and len(self.rows) < MAX_ROWS:
                self.insert(which)
            elif kind == "delete" and self.rows:
                self._delete(which % len(self.rows))
            elif kind == "delete newest" and self.rows:
                self._delete(self._newest())
            elif kind == "change" and self.rows:
                self.rows[which % len(self.rows)].instants.append(self.clock())

    def insert(self, which: int) -> None:
        """Add a row where this list grows."""
        number = len(self.history)
        moment = datetime.fromtimestamp(number // max(self.moments, 1), UTC)
        row = Row(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}")) if self.uuids else number + 7,
            created=f"{moment:%Y-%m-%dT%H:%M:%SZ}" if self.moments else None,
            instants=[self.clock()],
        )
        equals = sum(other.created == row.created for other in self.rows)
        index = {
            "end": len(self.rows),
            "front": 0,
            "end, among equals": len(self.rows) - which % (equals + 1),
            "front, among equals": which % (equals + 1),
            "anywhere": which % (len(self.rows) + 1),
        }[self.grows]
        self.rows.insert(index, row)
        self.history[str(row.id)] = row

    def fetch(self, number: int, observed_size: int | None) -> Page:
        """Apply the next changes and return one page."""
        self.apply(next(self.changes, ()))
        last = max(1, -(-len(self.rows) // self.size))
        if number > last and self.past == "404":
            return empty_page(number)
        returned = last if number > last and self.past == "again" else number
        rows = [
            {
                "id": row.id,
                "code": str(len(row.instants) - 1),
                **({"date_created": row.created} if row.created else {}),
            }
            for row in self.rows[(returned - 1) * self.size : returned * self.size]
        ]
        body = {"data": rows, "page": number, **({"total": len(self.rows)} if self.total else {})}
        return parse_page(msgspec.json.encode(body), VENDORS, number, observed_size)

    def _newest(self) -> int:
        newest = max(self.rows, key=lambda row: row.instants[0])
        return self.rows.index(newest)

    def _delete(self, index: int) -> None:
        self.rows.pop(index).deleted_at = self.clock()
