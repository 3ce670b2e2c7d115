"""A list on a server, whose rows move between any two requests.

Every row knows when it came, was edited and went, so that a copy can be held against it.
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
MOST = 60  # rows: a list that grew for ever would be read for ever

Move = tuple[str, int]  # what happens, and a number that chooses to which row


class Clock:
    """Seconds that pass when somebody looks."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Give an instant of its own to whatever asks."""
        self.now += 1
        return self.now


@dataclass
class Row:
    """One row and its life: when it came, each time it was edited, and when it went."""

    id: int | str
    created: str | None
    instants: list[float]
    gone_at: float = math.inf

    def stood(self, since: float, until: float) -> bool:
        """Tell whether it was there all the time."""
        return self.instants[0] <= since and self.gone_at > until

    def revisions(self, since: float, until: float) -> range:
        """Give the revisions that it had at some instant of this time."""
        first = max(bisect_right(self.instants, since) - 1, 0)
        return range(first, bisect_right(self.instants, until))


@dataclass
class Books:
    """A list on a server that pages it.

    `grows` says where new rows appear: at its "end" or "front", there "among equals", the rows of
    the same date, or "anywhere". Its ids are numbers, unless `uuids`; so many rows share a date of
    creation as `moments` says, and have none where it is 0. `past` the end comes an "empty" page, a
    "404", or the last page "again". `moves` are made one by one, each before an answer.
    """

    clock: Clock
    grows: str
    size: int
    past: str = "empty"
    total: bool = True
    uuids: bool = False
    moments: int = 0
    rows: list[Row] = field(default_factory=list)
    ever: dict[str, Row] = field(default_factory=dict)
    moves: Iterator[Iterable[Move]] = field(default_factory=lambda: iter(()))

    def move(self, moves: Iterable[Move]) -> None:
        """Let rows come, go and change."""
        for what, which in moves:
            if what == "come" and len(self.rows) < MOST:
                self.insert(which)
            elif what == "go" and self.rows:
                self._delete(which % len(self.rows))
            elif what == "go again" and self.rows:
                self._delete(self._newest())
            elif what == "change" and self.rows:
                self.rows[which % len(self.rows)].instants.append(self.clock())

    def insert(self, which: int) -> None:
        """Insert a row where this list grows."""
        number = len(self.ever)
        moment = datetime.fromtimestamp(number // max(self.moments, 1), UTC)
        row = Row(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}")) if self.uuids else number + 7,
            created=f"{moment:%Y-%m-%dT%H:%M:%SZ}" if self.moments else None,
            instants=[self.clock()],
        )
        equals = sum(other.created == row.created for other in self.rows)
        place = {
            "end": len(self.rows),
            "front": 0,
            "end, among equals": len(self.rows) - which % (equals + 1),
            "front, among equals": which % (equals + 1),
            "anywhere": which % (len(self.rows) + 1),
        }[self.grows]
        self.rows.insert(place, row)
        self.ever[str(row.id)] = row

    def answer(self, page: int, learned: int | None) -> Page:
        """Answer one request."""
        self.move(next(self.moves, ()))
        last = max(1, -(-len(self.rows) // self.size))
        if page > last and self.past == "404":
            return empty_page(page)
        given = last if page > last and self.past == "again" else page
        rows = [
            {
                "id": row.id,
                "code": str(len(row.instants) - 1),
                **({"date_created": row.created} if row.created else {}),
            }
            for row in self.rows[(given - 1) * self.size : given * self.size]
        ]
        told = {"data": rows, "page": page, **({"total": len(self.rows)} if self.total else {})}
        return parse_page(msgspec.json.encode(told), VENDORS, page, learned)

    def _newest(self) -> int:
        newest = max(self.rows, key=lambda row: row.instants[0])
        return self.rows.index(newest)

    def _delete(self, place: int) -> None:
        self.rows.pop(place).gone_at = self.clock()
