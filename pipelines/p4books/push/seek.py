"""Does a record whose answer was lost stand in P4 Books?

The list is read where new rows stand, then whole, until every record that is sought is found. What
is found counts only if we held no such id before it was sent.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from p4books.api.answer import Answer
from p4books.api.client import Client
from p4books.api.known import Known, order_of
from p4books.api.walk import Way
from p4books.endpoint import Endpoint
from p4books.push import said
from p4books.push.entry import Entry
from p4books.push.same import differences

CLOCKS = timedelta(minutes=15)  # by which theirs may be behind ours

# Which of these ids were held before this instant?
Held = Callable[[Sequence[str], datetime], Set[str]]


@dataclass(frozen=True)
class Seen:
    """A record of the list that may be the one that is sought.

    `has_code`: it has the code that we sent. `differs` are the fields that hold something else.
    `is_new`: no such id was held before the record was sent.
    """

    id: str
    code: str | None
    has_code: bool
    differs: tuple[str, ...]
    is_new: bool

    @property
    def is_it(self) -> bool:
        """Whether code and content are ours, and it was not there before."""
        return self.has_code and self.is_alike

    @property
    def is_alike(self) -> bool:
        """Whether it is new, and all but its code is ours."""
        return self.is_new and not self.differs


@dataclass
class Sought:
    """What a search brought: for each row of the ledger what may be its record.

    `complete`: the list was read whole, from `began` on, so that what is missing was not there.
    """

    began: datetime
    complete: bool = False
    seen: dict[int, list[Seen]] = field(default_factory=dict)


class Search:
    """A search for rows of the ledger.

    `taken` tells whether an id is known to be another row's record, `enough` whether what was seen
    so far answers all.
    """

    def __init__(  # noqa: PLR0913
        self,
        client: Client,
        endpoint: Endpoint,
        entries: Sequence[Entry],
        held: Held,
        taken: Callable[[str], bool],
        enough: Callable[[Sought], bool],
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._held = held
        self._taken = taken
        self._enough = enough
        self._sent = {entry.record: said.parse(entry.body) for entry in entries}
        self._entries = {entry.record: entry for entry in entries}
        self._by_code: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_code.setdefault(entry.code, []).append(entry)

    def run(self, *, whole: bool) -> Sought:
        """Read the tail, and where something is missing then and `whole` is wished, the list.

        Raises what `Client.page` raises, and PageIgnored.
        """
        sought = Sought(datetime.now(UTC), seen={record: [] for record in self._entries})
        for answer in self._tail():
            self._look(answer, sought)
            if self._enough(sought):
                return sought
        if whole:
            sought.began = datetime.now(UTC)
            sought.complete = self._read_whole(sought)
        return sought

    def _tail(self) -> Iterator[Answer]:
        first = self._page(1)
        yield first
        if not first.total or not 0 < first.rows < first.total:
            return
        pages = -(-first.total // first.rows)
        last = self._page(pages)
        yield last
        tail = Known(first.rows, first.total, order_of(first, last)).tail()
        for page in sorted({*tail} - {1, pages}):
            yield self._page(page)

    def _read_whole(self, sought: Sought) -> bool:
        way = Way(self._endpoint, self._client.access)
        walk = way.walk()
        page = next(walk)
        while True:
            answer = self._client.page(self._endpoint, page, learned=way.size or None)
            self._look(answer, sought)
            if self._enough(sought):
                return False
            try:
                page = walk.send(answer)
            except StopIteration as end:
                return bool(end.value.complete)

    def _page(self, page: int) -> Answer:
        return self._client.page(self._endpoint, page)

    def _look(self, answer: Answer, sought: Sought) -> None:
        for id_, line in answer.records.items():
            record = json.loads(line)
            code = record.get("code")
            code = None if code is None else str(code).strip()
            with_code = self._by_code.get(code or "", [])
            alike = (entry for entry in self._entries.values() if entry not in with_code)
            for entry in with_code:
                self._note(entry, id_, record, code, sought)
            for entry in alike:
                if next(self._differing(entry, record), None) is None:
                    self._note(entry, id_, record, code, sought)

    def _note(
        self, entry: Entry, id_: str, record: Mapping[str, Any], code: str | None, sought: Sought
    ) -> None:
        seen = sought.seen[entry.record]
        if any(one.id == id_ for one in seen) or self._taken(id_):
            return
        sent_at = datetime.fromisoformat(entry.left_at or entry.sent_at or entry.ready_at)
        seen.append(
            Seen(
                id_,
                code,
                has_code=code == entry.code,
                differs=tuple(self._differing(entry, record)),
                is_new=not (_is_older(record, sent_at) or self._held([id_], sent_at)),
            )
        )

    def _differing(self, entry: Entry, record: Mapping[str, Any]) -> Iterator[str]:
        """Name what a record holds otherwise, but for its code."""
        sent = {name: value for name, value in self._sent[entry.record].items() if name != "code"}
        return differences(sent, record, self._endpoint)


def _is_older(record: Mapping[str, Any], instant: datetime) -> bool:
    """Tell whether a record says that it was made well before an instant."""
    try:
        made = datetime.fromisoformat(str(record.get("date_created")))
    except ValueError:
        return False
    return made.tzinfo is not None and made < instant - CLOCKS
