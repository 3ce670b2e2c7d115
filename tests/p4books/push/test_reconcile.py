"""Reconciliation of records whose outcome is unknown with the list in P4 Books."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeSettings
from tests.p4books.push.conftest import AddEntry

from p4books.endpoints.vendors import VENDORS
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.rate_limiter import RateLimiter
from p4books.push.reconcile import (
    Candidate,
    RecordSearch,
    Resolution,
    SearchResult,
    resolve_entries,
)
from p4books.push.types import UNKNOWN, Entry
from p4books_sandbox import Sandbox

ROWS = 60
PAGE = 10
SENT_AT = "2026-06-01T00:00:00.000+00:00"


# The search in the list


@pytest.fixture(scope="module", params=["ascending", "descending", "date", "newest_date", "none"])
def books(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A P4 Books with sixty vendors on six pages, in any order."""
    vendors = [
        {"code": f"OLD-{n}", "name": f"Vendor {n}", "date_created": f"2026-01-01T00:00:{n:02}Z"}
        for n in range(ROWS)
    ]
    with Sandbox(empty=True, limit=0, page_size=PAGE, order=request.param) as sandbox:
        for vendor in vendors:
            sandbox.books["vendors"].insert(vendor)
        yield sandbox


@pytest.fixture
def add_record(books: Sandbox) -> Iterator[Callable[..., str]]:
    """Add a vendor to P4 Books for the time of a test, and return its id."""
    added = []

    def add(code: str, **values: Any) -> str:
        record = {"code": code, "name": f"Vendor {code}", "date_created": "2099-02-01T00:00:00Z"}
        added.append(books.books["vendors"].insert({**record, **values}))
        return str(added[-1])

    yield add
    for id_ in added:
        books.books["vendors"].delete(id_)


@pytest.fixture
def pages(books: Sandbox) -> Callable[[], list[int | None]]:
    """Return the pages that were read since the test began."""
    before = len(books.requests)
    return lambda: [arrival.page for arrival in books.requests[before:]]


Search = Callable[..., SearchResult]


@pytest.fixture
def search(books: Sandbox, make_settings: MakeSettings, tmp_path: Path) -> Search:
    """Search for entries until all are found."""
    target = ApiTarget.from_settings(make_settings(books, page_size=PAGE))
    limiter = RateLimiter(tmp_path / "slots.sqlite", 1000, 60)
    client = Client(ApiConnection(target, limiter), backoff=0)

    def search(*entries: Entry, held: tuple[str, ...] = (), whole: bool = True) -> SearchResult:
        return RecordSearch(
            client,
            VENDORS,
            entries,
            held_before=lambda ids, _: {id_ for id_ in ids if id_ in held},
            is_taken=lambda _: False,
            is_enough=lambda result: all(
                any(candidate.is_match for candidate in seen) for seen in result.seen.values()
            ),
        ).search(whole=whole)

    return search


@pytest.fixture
def lost(add_entry: AddEntry) -> AddEntry:
    """Add an entry whose response was lost."""

    def add(code: str, **values: Any) -> Entry:
        return add_entry(code, state=UNKNOWN, first_lost_at=SENT_AT, **values)

    return add


def test_found_in_the_tail(
    books: Sandbox,
    search: Search,
    lost: AddEntry,
    add_record: Callable[..., str],
    pages: Callable[[], list[int | None]],
) -> None:
    """A record with code and content is found; if the list has an order, by a few requests."""
    limit = 3 if books.options.order != "none" else 2 + 2 * ROWS // PAGE  # no order, no tail
    entry, id_ = lost("V-1"), add_record("V-1")

    result = search(entry)

    (seen,) = result.seen[entry.record]
    assert seen == Candidate(id_, "V-1", has_code=True, differs=())
    assert len(pages()) <= limit


def test_not_found(search: Search, lost: AddEntry, pages: Callable[[], list[int | None]]) -> None:
    """What is not found in the whole list did not exist, and all of it was read."""
    entry = lost("V-1")

    result = search(entry)

    assert result.complete
    assert result.seen == {entry.record: []}
    assert set(pages()) >= set(range(1, ROWS // PAGE + 1))


def test_tail_only(search: Search, lost: AddEntry, pages: Callable[[], list[int | None]]) -> None:
    """If the whole list is not to be read, not finding a record proves nothing."""
    result = search(lost("V-1"), whole=False)

    assert not result.complete
    assert len(pages()) <= 3


def test_candidates(search: Search, lost: AddEntry, add_record: Callable[..., str]) -> None:
    """Records with the code or with the content only are candidates, with their differences."""
    with_code, alike = lost("V-1"), lost("V-2", phone="507")
    other = add_record("V-1", name="Another")
    like = add_record("X-7", name="Vendor V-2", phone="507")

    result = search(with_code, alike)

    assert result.seen[with_code.record] == [Candidate(other, "V-1", True, ("name",))]
    assert result.seen[alike.record] == [Candidate(like, "X-7", False, ())]


def test_held_before(search: Search, lost: AddEntry, add_record: Callable[..., str]) -> None:
    """A record that the warehouse held before the request is not it, and the search continues."""
    entry, old = lost("V-1"), add_record("V-1")

    result = search(entry, held=(old,))

    (seen,) = result.seen[entry.record]
    assert (seen.is_new, seen.is_match) == (False, False)
    assert result.complete


def test_created_before(search: Search, lost: AddEntry, add_record: Callable[..., str]) -> None:
    """A record that says it was created well before the request is not it."""
    entry = lost("V-1")
    add_record("V-1", date_created="2026-05-31T00:00:00Z")

    (seen,) = search(entry).seen[entry.record]

    assert (seen.has_code, seen.is_new) == (True, False)


@pytest.mark.parametrize("hours", [-14, -5, 0, 14])
def test_local_time(
    hours: float, search: Search, lost: AddEntry, add_record: Callable[..., str]
) -> None:
    """A record with our code and content is it, even if it writes its local time as UTC."""
    entry = lost("V-1")
    created_at = datetime.fromisoformat(SENT_AT) + timedelta(hours=hours)
    id_ = add_record("V-1", date_created=f"{created_at:%Y-%m-%dT%H:%M:%S}Z")

    (seen,) = search(entry).seen[entry.record]

    assert seen.is_match
    assert _resolve(entry, seen).found == seen
    assert not _resolve(entry, replace(seen, was_held=True)).found
    assert id_ == seen.id


# What a search proves

DAY = timedelta(days=1)
ZONE = timedelta(hours=5)

MATCH = Candidate("9", "V-1", has_code=True, differs=())
OTHER_CODE = replace(MATCH, code="X-1", has_code=False)


@pytest.fixture
def entry(lost: AddEntry) -> Entry:
    """An entry whose response was lost."""
    return lost("V-1")


def _resolve(
    entry: Entry, *seen: Candidate, complete: bool = True, own_codes: bool = False
) -> Resolution:
    result = SearchResult(datetime.now(UTC), complete, {entry.record: list(seen)})
    (resolution,) = resolve_entries([entry], result, own_codes=own_codes)
    return resolution


def _resolve_all(seen: dict[int, list[Candidate]], *entries: Entry) -> list[str | None]:
    """Resolve entries of a tenant that assigns its own codes; return the ids found."""
    result = SearchResult(datetime.now(UTC), True, seen)
    resolutions = resolve_entries(entries, result, own_codes=True)
    return [resolution.found.id if resolution.found else None for resolution in resolutions]


def test_match(entry: Entry) -> None:
    """A new record with our code and content is it, whatever else is similar."""
    assert _resolve(entry, OTHER_CODE, MATCH, complete=False).found == MATCH


def test_may_resend(entry: Entry) -> None:
    """What the whole list does not contain may be sent again, if the user asks for it."""
    resolution = _resolve(entry)

    assert (resolution.found, resolution.may_resend) == (None, True)
    assert "--resend-unknown" in resolution.note


@pytest.mark.parametrize(
    ("seen", "complete", "own_codes", "words"),
    [
        (replace(MATCH, differs=("name", "phone")), True, False, "differs in name, phone"),
        (replace(MATCH, was_held=True), True, False, "existed before"),
        (replace(MATCH, age=DAY), True, False, "says that it was created before"),
        (OTHER_CODE, True, False, "may be this one"),
        (replace(OTHER_CODE, age=ZONE), True, True, "may be a wrong clock"),
        (None, False, False, "not read to its end"),
        (None, True, True, "never sent again"),
    ],
)
def test_may_not_resend(
    seen: Candidate | None, complete: bool, own_codes: bool, words: str, entry: Entry
) -> None:
    """If anything suggests that it exists, it is not sent again, and the message says why."""
    resolution = _resolve(entry, *filter(None, [seen]), complete=complete, own_codes=own_codes)

    assert (resolution.found, resolution.may_resend) == (None, False)
    assert words in resolution.note


@pytest.mark.parametrize(
    ("seen", "complete", "first_lost_at", "is_refused"),
    [
        ([replace(MATCH, differs=("name",))], False, None, True),
        ([], True, None, True),
        ([], False, None, False),
        ([MATCH], True, None, False),
        ([], True, SENT_AT, False),
    ],
)
def test_refused_after_a_conflict(
    seen: list[Candidate],
    complete: bool,
    first_lost_at: str | None,
    is_refused: bool,
    entry: Entry,
) -> None:
    """After a 409 a record is refused if the one with its code is not ours; not if it was lost."""
    conflict = replace(entry, status=409, left_at=first_lost_at)

    assert _resolve(conflict, *seen, complete=complete).is_refused is is_refused


def test_by_content(entry: Entry) -> None:
    """If the tenant assigns its own codes, a new record with our content is it."""
    assert _resolve(entry, OTHER_CODE, own_codes=True).found == OTHER_CODE
    for other in (replace(OTHER_CODE, was_held=True), replace(OTHER_CODE, age=ZONE)):
        assert _resolve(entry, other, own_codes=True).found is None


def test_identical_entries(lost: AddEntry) -> None:
    """Entries with the same content are found only if there is a record for each."""
    first, second = lost("V-1"), lost("V-2")
    one, two = OTHER_CODE, replace(OTHER_CODE, id="10")

    few = _resolve_all({first.record: [one], second.record: [one]}, first, second)
    enough = _resolve_all({first.record: [one, two], second.record: [one, two]}, first, second)

    assert few == [None, None]
    assert sorted(filter(None, enough)) == ["10", "9"]


def test_ambiguous_record(lost: AddEntry) -> None:
    """A record that could belong to two entries with different content is assigned to neither."""
    broad, narrow = lost("V-1"), lost("V-2", phone="1")
    one, two = OTHER_CODE, replace(OTHER_CODE, id="10")

    seen = {broad.record: [one, two], narrow.record: [one]}

    assert _resolve_all(seen, broad, narrow) == [None, None]


def test_record_found_by_its_code(lost: AddEntry) -> None:
    """A record that has the code of one entry is not assigned to another one with its content."""
    coded, other = lost("V-1"), lost("V-2")

    seen = {coded.record: [MATCH], other.record: [replace(MATCH, has_code=False)]}

    assert _resolve_all(seen, coded, other) == ["9", None]
