"""Reconciliation of records whose outcome is unknown with the list in P4 Books."""

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
from p4books.push.types import Entry
from p4books.spelling import clean_name, fold_name, is_same_name

CLOCK_TOLERANCE = timedelta(minutes=15)  # by which the clock of P4 Books may be behind ours
ZONE_TOLERANCE = timedelta(hours=14) + CLOCK_TOLERANCE  # or its local time, if written as UTC

# Which of these ids were in the warehouse before this instant?
HeldBefore = Callable[[Sequence[str], datetime], Set[str]]


@dataclass(frozen=True)
class Reconciler:
    """Looks up unknown records in their list, and records in the ledger what became of them."""

    ledger: Ledger
    endpoint: Endpoint
    client: Client
    warehouse: Path

    def reconcile(
        self, entries: Sequence[Entry], resend_after: timedelta | None = None
    ) -> list[Entry]:
        """Look up unknown entries; return those that may be sent once more.

        New records are expected in the tail of the list. The whole list is read only if an entry
        was never looked up in all of it, or with `resend_after`: then what is not in the list and
        was sent at least that long ago is returned. If the tenant assigns its own codes, all
        unknown entries are resolved together. Raises what `Client.fetch_page` raises.
        """
        own_codes = self.ledger.last_renumbered(self.endpoint.name) is not None
        if own_codes:
            entries = self.ledger.list_unknown(self.endpoint.name)
        resolve = partial(resolve_entries, entries, own_codes=own_codes)
        search = RecordSearch(
            self.client,
            self.endpoint,
            entries,
            held_before=partial(find_held_before, self.warehouse, self.endpoint),
            is_taken=lambda id_: self.ledger.find_by_id(self.endpoint.name, id_) is not None,
            is_enough=lambda result: all(resolution.is_settled for resolution in resolve(result)),
        )
        whole = resend_after is not None or any(entry.sought_at is None for entry in entries)
        result = search.search(whole=whole)
        resend = []
        for resolution in resolve(result):
            if resend_after is None or not resolution.may_resend:
                self._record(resolution, result)
            elif _was_sent_before(resolution.entry, result.began - resend_after):
                self._annotate(resolution, result)  # unknown until its request is sent again
                resend.append(resolution.entry)
            else:
                self._record(resolution, result)
                if not resolution.is_refused:
                    note = _describe_too_recent(resend_after)
                    self.ledger.annotate(resolution.entry, note=note)
        return resend

    def _record(self, resolution: "Resolution", result: "SearchResult") -> None:
        entry, found = resolution.entry, resolution.found
        if found:
            note = "Found in P4 Books after its response was lost."
            self.ledger.mark_created(entry, id=found.id, given_code=found.code, note=note)
        elif resolution.is_refused:
            self.ledger.mark_refused(entry, note=resolution.note)
        else:
            self._annotate(resolution, result)

    def _annotate(self, resolution: "Resolution", result: "SearchResult") -> None:
        entry = resolution.entry
        if result.complete:
            began = result.began.isoformat(timespec="milliseconds")
            self.ledger.annotate(entry, note=resolution.note, sought_at=began)
        elif entry.sought_at is None:  # a tail alone adds nothing to an earlier scan of the list
            self.ledger.annotate(entry, note=resolution.note)


@dataclass(frozen=True)
class Candidate:
    """A record of the list that may be the one that is looked for.

    `has_code`: it has the code that we sent. `differs` are the fields with another value.
    `was_held`: the warehouse had its id before the record was sent, which no clock of P4 Books can
    refute. `age` is by how much it was created before that, as it says itself; zero if it does not.
    """

    id: str
    code: str | None
    has_code: bool
    differs: tuple[str, ...]
    was_held: bool = False
    age: timedelta = timedelta()

    @property
    def is_new(self) -> bool:
        """Whether it may have been created by our request."""
        return not self.was_held and self.age <= ZONE_TOLERANCE

    @property
    def is_match(self) -> bool:
        """Whether code and content are ours, and it did not exist before."""
        return self.has_code and self.is_new and not self.differs

    @property
    def has_content(self) -> bool:
        """Whether everything except its code is ours, and by any clock it did not exist before."""
        return self.is_new and self.age <= CLOCK_TOLERANCE and not self.differs


@dataclass
class SearchResult:
    """What a search found: the candidates for each entry of the ledger.

    `complete`: the whole list was read, from `began` on, so that what was not seen did not exist.
    """

    began: datetime
    complete: bool = False
    seen: dict[int, list[Candidate]] = field(default_factory=dict)


class RecordSearch:
    """A search for entries of the ledger in their list.

    `held_before` returns which ids the warehouse had before an instant, `is_taken` whether an id is
    known to be the record of another entry, `is_enough` whether the result so far resolves all
    entries.
    """

    def __init__(  # noqa: PLR0913 - three are functions, which let it run without a warehouse
        self,
        client: Client,
        endpoint: Endpoint,
        entries: Sequence[Entry],
        held_before: HeldBefore,
        is_taken: Callable[[str], bool],
        is_enough: Callable[[SearchResult], bool],
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._held_before = held_before
        self._is_taken = is_taken
        self._is_enough = is_enough
        self._sent = {entry.record: parse_response_json(entry.body) for entry in entries}
        self._entries = {entry.record: entry for entry in entries}
        self._by_code: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_code.setdefault(fold_name(entry.code), []).append(entry)

    def search(self, *, whole: bool) -> SearchResult:
        """Read the tail of the list, and with `whole`, if that does not suffice, all of it.

        Raises what `Client.fetch_page` raises, and PageIgnored.
        """
        result = SearchResult(datetime.now(UTC), seen={record: [] for record in self._entries})
        for page in self._read_tail():
            self._collect_candidates(page, result)
            if self._is_enough(result):
                return result
        if whole:
            result.began = datetime.now(UTC)
            result.complete = self._read_whole(result)
        return result

    def _read_tail(self) -> Iterator[Page]:
        return tail_pages(Paginator(self._endpoint, self._client.target), self._fetch)

    def _read_whole(self, result: SearchResult) -> bool:
        """Read the list to its end, or until enough is found; return whether it was complete."""
        paginator = Paginator(self._endpoint, self._client.target)
        for page in all_pages(paginator, self._fetch):
            self._collect_candidates(page, result)
            if self._is_enough(result):
                return False
        return paginator.outcome is not None and paginator.outcome.complete

    def _fetch(self, number: int, observed_size: int | None) -> Page:
        return self._client.fetch_page(self._endpoint, number, observed_size=observed_size)

    def _collect_candidates(self, page: Page, result: SearchResult) -> None:
        """Add the records of a page that may be one of the entries."""
        for id_, line in page.records.items():
            record = json.loads(line)
            code = record.get("code")
            code = None if code is None else clean_name(str(code))
            with_code = self._by_code.get(fold_name(code or ""), [])
            others = (entry for entry in self._entries.values() if entry not in with_code)
            for entry in with_code:
                self._add_candidate(entry, id_, record, code, result)
            for entry in others:
                if next(self._list_differing(entry, record), None) is None:
                    self._add_candidate(entry, id_, record, code, result)

    def _add_candidate(
        self,
        entry: Entry,
        id_: str,
        record: Mapping[str, Any],
        code: str | None,
        result: SearchResult,
    ) -> None:
        seen = result.seen[entry.record]
        if any(candidate.id == id_ for candidate in seen) or self._is_taken(id_):
            return
        sent_at = datetime.fromisoformat(entry.first_lost_at or entry.sent_at or entry.ready_at)
        seen.append(
            Candidate(
                id_,
                code,
                has_code=code is not None and is_same_name(code, entry.code),
                differs=tuple(self._list_differing(entry, record)),
                was_held=bool(self._held_before([id_], sent_at)),
                age=_measure_age(record, sent_at),
            )
        )

    def _list_differing(self, entry: Entry, record: Mapping[str, Any]) -> Iterator[str]:
        """Name the fields of a record with another value than was sent, except its code."""
        sent = {name: value for name, value in self._sent[entry.record].items() if name != "code"}
        return list_differences(sent, record, self._endpoint)


@dataclass(frozen=True)
class Resolution:
    """Result of a search for an entry: the record that it became, or why that is unknown.

    `may_resend`: nothing speaks against sending it once more, if the user asks for it.
    `is_refused`: P4 Books refused it because its code exists, and that record is not ours.
    """

    entry: Entry
    found: Candidate | None
    note: str
    may_resend: bool = False
    is_refused: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether it is known what became of the entry."""
        return self.found is not None or self.is_refused


def resolve_entries(
    entries: Sequence[Entry], result: SearchResult, *, own_codes: bool
) -> Iterator[Resolution]:
    """Resolve each entry; with `own_codes` the tenant assigns codes, and content decides."""
    assigned = _assign_by_content(entries, result) if own_codes else {}
    for entry in entries:
        seen = result.seen[entry.record]
        match = next((candidate for candidate in seen if candidate.is_match), None)
        found = match or assigned.get(entry.record)
        if found:
            yield Resolution(entry, found, "")
        else:
            resolution = _explain_unresolved(
                entry, seen, complete=result.complete, own_codes=own_codes
            )
            code_exists = any(candidate.has_code for candidate in seen)
            conflicts = entry.status == CONFLICT and not entry.first_lost_at
            is_refused = conflicts and (code_exists or result.complete)
            yield replace(resolution, is_refused=is_refused)


def _assign_by_content(entries: Sequence[Entry], result: SearchResult) -> dict[int, Candidate]:
    """Assign to each entry a record with its content, if there are enough for all that are alike.

    A record that could belong to two entries with different candidates is assigned to neither.
    """
    ids_of = {
        entry: tuple(sorted(candidate.id for candidate in seen if candidate.has_content))
        for entry in entries
        for seen in [result.seen[entry.record]]
        if not any(candidate.is_match for candidate in seen)
    }
    claimed = {
        candidate.id for seen in result.seen.values() for candidate in seen if candidate.is_match
    }
    assigned: dict[int, Candidate] = {}
    for ids in set(ids_of.values()):
        alike = [entry for entry, own in ids_of.items() if own == ids]
        others = {id_ for own in ids_of.values() if own != ids for id_ in own}
        if len(ids) < len(alike) or not (claimed | others).isdisjoint(ids):
            continue
        for entry, id_ in zip(alike, ids, strict=False):
            seen = result.seen[entry.record]
            assigned[entry.record] = next(candidate for candidate in seen if candidate.id == id_)
    return assigned


def _explain_unresolved(
    entry: Entry, seen: Sequence[Candidate], *, complete: bool, own_codes: bool
) -> Resolution:
    with_code = next((candidate for candidate in seen if candidate.has_code), None)
    may_resend = False
    if with_code and with_code.is_new:
        fields = ", ".join(with_code.differs)
        note = (
            f"A record with this code is new (id {with_code.id}), "
            f"but it differs in {fields}. Compare the two."
        )
    elif with_code:
        existed = "existed" if with_code.was_held else "says that it was created"
        note = (
            f"A record with this code {existed} before (id {with_code.id}). "
            "Check whether there is a second one."
        )
    elif ids := [candidate.id for candidate in seen if candidate.has_content]:
        note = (
            f"A record with the same content and another code may be this one "
            f"(id {', '.join(ids[:3])}). Check it in P4 Books."
        )
    elif own_codes and (ids := [each.id for each in seen if each.is_new and not each.differs]):
        note = (
            f"A record with the same content says that it was created before (id "
            f"{', '.join(ids[:3])}), which may be a wrong clock. Check it in P4 Books."
        )
    elif own_codes:
        note = (
            "Not found by its content. Check in P4 Books; it is never sent again, since the tenant "
            "assigns its own codes."
        )
    elif not complete:
        note = "Not found among the newest records; the list was not read to its end."
    else:
        may_resend = True
        note = (
            "Not found, but it may still be created. If it does not appear, --resend-unknown "
            "sends it again."
        )
    return Resolution(entry, None, note, may_resend)


def _measure_age(record: Mapping[str, Any], instant: datetime) -> timedelta:
    """Return by how much a record says that it was created before an instant, at least zero."""
    try:
        created_at = datetime.fromisoformat(str(record.get("date_created")))
    except ValueError:
        return timedelta()
    return max(instant - created_at, timedelta()) if created_at.tzinfo else timedelta()


def _was_sent_before(entry: Entry, instant: datetime) -> bool:
    sent_at = entry.sent_at or entry.ready_at
    return datetime.fromisoformat(sent_at).astimezone(UTC) <= instant


def _describe_too_recent(after: timedelta) -> str:
    minutes = after.total_seconds() / 60
    return (
        f"Not found, but it may still be created. It can be sent again {minutes:g} minutes after "
        "it was sent."
    )
