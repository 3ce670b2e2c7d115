"""Reconciliation of records whose response was lost with the list."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from p4books.endpoints.definition import Endpoint
from p4books.extract.client import Client
from p4books.extract.page import Page
from p4books.extract.pagination import Paginator, all_pages, tail_pages
from p4books.push.ledger import Ledger
from p4books.push.lookups import find_held_before
from p4books.push.response import CONFLICT, list_differences, parse_response_json
from p4books.push.types import CREATED, REFUSED, Entry

CLOCKS = timedelta(minutes=15)  # by which theirs may be behind ours

# Which of these ids were held before this instant?
HeldBefore = Callable[[Sequence[str], datetime], Set[str]]


@dataclass(frozen=True)
class Candidate:
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
class SearchResult:
    """What a search brought: for each row of the ledger what may be its record.

    `complete`: the list was read whole, from `began` on, so that what is missing was not there.
    """

    began: datetime
    complete: bool = False
    seen: dict[int, list[Candidate]] = field(default_factory=dict)


class RecordSearch:
    """A search for rows of the ledger.

    `taken` tells whether an id is known to be another row's record, `enough` whether what was seen
    so far answers all.
    """

    def __init__(  # noqa: PLR0913
        self,
        client: Client,
        endpoint: Endpoint,
        entries: Sequence[Entry],
        held: HeldBefore,
        taken: Callable[[str], bool],
        enough: Callable[[SearchResult], bool],
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._held = held
        self._taken = taken
        self._enough = enough
        self._sent = {entry.record: parse_response_json(entry.body) for entry in entries}
        self._entries = {entry.record: entry for entry in entries}
        self._by_code: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_code.setdefault(entry.code, []).append(entry)

    def run(self, *, whole: bool) -> SearchResult:
        """Read the tail, and where something is missing then and `whole` is wished, the list.

        Raises what `Client.fetch_page` raises, and PageIgnored.
        """
        sought = SearchResult(datetime.now(UTC), seen={record: [] for record in self._entries})
        for answer in self._tail():
            self._look(answer, sought)
            if self._enough(sought):
                return sought
        if whole:
            sought.began = datetime.now(UTC)
            sought.complete = self._read_whole(sought)
        return sought

    def _tail(self) -> Iterator[Page]:
        return tail_pages(Paginator(self._endpoint, self._client.target), self._fetch)

    def _read_whole(self, sought: SearchResult) -> bool:
        """Read the list to its end, or until enough is found; tell whether it was read whole."""
        paginator = Paginator(self._endpoint, self._client.target)
        for page in all_pages(paginator, self._fetch):
            self._look(page, sought)
            if self._enough(sought):
                return False
        return paginator.outcome is not None and paginator.outcome.complete

    def _fetch(self, number: int, observed_size: int | None) -> Page:
        return self._client.fetch_page(self._endpoint, number, observed_size=observed_size)

    def _look(self, answer: Page, sought: SearchResult) -> None:
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
        self,
        entry: Entry,
        id_: str,
        record: Mapping[str, Any],
        code: str | None,
        sought: SearchResult,
    ) -> None:
        seen = sought.seen[entry.record]
        if any(one.id == id_ for one in seen) or self._taken(id_):
            return
        sent_at = datetime.fromisoformat(entry.left_at or entry.sent_at or entry.ready_at)
        seen.append(
            Candidate(
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
        return list_differences(sent, record, self._endpoint)


def _is_older(record: Mapping[str, Any], instant: datetime) -> bool:
    """Tell whether a record says that it was made well before an instant."""
    try:
        made = datetime.fromisoformat(str(record.get("date_created")))
    except ValueError:
        return False
    return made.tzinfo is not None and made < instant - CLOCKS


@dataclass(frozen=True)
class Resolution:
    """What a search says of a row: the record that it became, or why that is not known.

    `may_resend`: nothing speaks against sending it once more, if the user wishes so. `is_refused`:
    P4 Books refused it since its code is there, and the record that is there is not ours.
    """

    entry: Entry
    found: Candidate | None
    note: str
    may_resend: bool = False
    is_refused: bool = False


def resolve_rows(
    entries: Sequence[Entry], sought: SearchResult, *, own_codes: bool
) -> Iterator[Resolution]:
    """Judge each row; with `own_codes` the tenant numbers records itself, and content decides."""
    given = _assign_candidates(entries, sought) if own_codes else {}
    for entry in entries:
        seen = sought.seen[entry.record]
        found = next((one for one in seen if one.is_it), None) or given.get(entry.record)
        if found:
            yield Resolution(entry, found, "")
        else:
            verdict = _unresolved(entry, seen, complete=sought.complete, own_codes=own_codes)
            with_code = any(one.has_code for one in seen)
            refused = entry.status == CONFLICT and not entry.left_at
            yield replace(verdict, is_refused=refused and (with_code or sought.complete))


def _assign_candidates(entries: Sequence[Entry], sought: SearchResult) -> dict[int, Candidate]:
    """Give each row a record with its content, where there are enough for all that are alike.

    A record that may be of two rows that are not alike is given to neither.
    """
    alike = {
        entry: tuple(sorted(one.id for one in sought.seen[entry.record] if one.is_alike))
        for entry in entries
        if not any(one.is_it for one in sought.seen[entry.record])
    }
    claimed = {one.id for seen in sought.seen.values() for one in seen if one.is_it}
    given: dict[int, Candidate] = {}
    for ids in set(alike.values()):
        rows = [entry for entry, own in alike.items() if own == ids]
        others = {i for own in alike.values() if own != ids for i in own}
        if len(ids) < len(rows) or not (claimed | others).isdisjoint(ids):
            continue
        for entry, id_ in zip(rows, ids, strict=False):
            seen = sought.seen[entry.record]
            given[entry.record] = next(one for one in seen if one.id == id_)
    return given


def _unresolved(
    entry: Entry, seen: Sequence[Candidate], *, complete: bool, own_codes: bool
) -> Resolution:
    with_code = next((one for one in seen if one.has_code), None)
    if with_code and with_code.is_new:
        fields = ", ".join(with_code.differs)
        note = f"A record with this code has come (id {with_code.id}); it differs in {fields}."
        return Resolution(entry, None, f"{note} Compare the two.")
    if with_code:
        note = f"A record with this code stood there before (id {with_code.id})."
        return Resolution(entry, None, f"{note} Look whether there is a second one.")
    alike = [one for one in seen if one.is_alike]
    if alike:
        ids = ", ".join(one.id for one in alike[:3])
        note = f"What has the same content and another code may be it (id {ids})."
        return Resolution(entry, None, f"{note} Look there.")
    if own_codes:
        note = "It is not there, as far as its content tells. Look there; it is never sent again."
        return Resolution(entry, None, note)
    if not complete:
        note = "It is not where new records stand; the list was not read whole."
        return Resolution(entry, None, note)
    note = "It is not there. It may still come; where it does not, --resend-unknown sends it again."
    return Resolution(entry, None, note, may_resend=True)


def resolve_unknown(  # noqa: PLR0913
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
    together. Raises what `Client.fetch_page` raises.
    """
    own_codes = ledger.renumbered(endpoint.name) is not None
    if own_codes:
        entries = ledger.unknown(endpoint.name)
    judge = partial(resolve_rows, entries, own_codes=own_codes)

    def enough(sought: SearchResult) -> bool:
        return all(verdict.found or verdict.is_refused for verdict in judge(sought))

    search = RecordSearch(
        client,
        endpoint,
        entries,
        held=lambda ids, instant: find_held_before(warehouse, endpoint, ids, instant),
        taken=lambda id_: ledger.created_as(endpoint.name, id_) is not None,
        enough=enough,
    )
    whole = resend_after is not None or any(entry.sought_at is None for entry in entries)
    sought = search.run(whole=whole)
    again = []
    for verdict in judge(sought):
        _record_resolutions(ledger, verdict, sought)
        if resend_after is not None and verdict.may_resend:
            if _is_settled(verdict.entry, sought.began - resend_after):
                again.append(verdict.entry)
            else:
                ledger.note(verdict.entry, note=_skip_recent(resend_after))
    return again


def _record_resolutions(ledger: Ledger, verdict: Resolution, sought: SearchResult) -> None:
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


def _is_settled(entry: Entry, instant: datetime) -> bool:
    sent_at = entry.sent_at or entry.ready_at
    return datetime.fromisoformat(sent_at).astimezone(UTC) <= instant


def _skip_recent(after: timedelta) -> str:
    minutes = after.total_seconds() / 60
    return f"It is not there, and may still come: sent again not before {minutes:g} minutes."
