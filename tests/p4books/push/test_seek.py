"""Does a record whose answer was lost stand in P4 Books?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeSettings
from tests.p4books.push.conftest import Enter

from p4books.endpoints import ENDPOINTS
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.rate_limiter import RateLimiter
from p4books.push.ledger import Ledger
from p4books.push.reconcile import Candidate, RecordSearch, SearchResult
from p4books.push.types import Entry
from p4books_sandbox import Sandbox

ROWS = 60
PAGE = 10


@pytest.fixture(params=["ascending", "descending", "date", "newest_date", "none"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A P4 Books with sixty vendors, on six pages, in any order."""
    made = [
        {"code": f"OLD-{n}", "name": f"Vendor {n}", "date_created": f"2026-01-01T00:00:{n:02}Z"}
        for n in range(ROWS)
    ]
    with Sandbox(empty=True, limit=0, page_size=PAGE, order=request.param) as sandbox:
        for record in made:
            sandbox.books["vendors"].insert(record)
        yield sandbox


Seek = Callable[..., SearchResult]


@pytest.fixture
def seek(sandbox: Sandbox, ledger: Ledger, make_settings: MakeSettings, tmp_path: Path) -> Seek:
    """Seek rows that are being sent, until all are found."""
    target = ApiTarget.from_settings(make_settings(sandbox, page_size=PAGE))
    limiter = RateLimiter(tmp_path / "slots.sqlite", 1000, 60)
    client = Client(ApiConnection(target, limiter), backoff=0)

    def seek(*entries: Entry, held: tuple[str, ...] = (), whole: bool = True) -> SearchResult:
        for entry in entries:
            ledger.mark_sending(entry)
        search = RecordSearch(
            client,
            ENDPOINTS["vendors"],
            list(ledger.entries(1)),
            held=lambda ids, _: {i for i in ids if i in held},
            taken=lambda _: False,
            enough=lambda sought: all(any(o.is_match for o in s) for s in sought.seen.values()),
        )
        return search.run(whole=whole)

    return seek


def _add(sandbox: Sandbox, code: str, **values: Any) -> str:
    record = {"code": code, "name": f"Vendor {code}", "date_created": "2099-02-01T00:00:00Z"}
    return str(sandbox.books["vendors"].insert({**record, **values}))


def test_found(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """A record with code and content is found, in a list of whatever order."""
    entry = enter("V-1")
    id_ = _add(sandbox, "V-1")

    sought = seek(entry)

    (seen,) = sought.seen[entry.record]
    assert seen == Candidate(id_, "V-1", has_code=True, differs=(), is_new=True)


def test_the_tail_first(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """In a list that has an order, a new record costs a few requests, however long the list is."""
    most = 3 if sandbox.options.order != "none" else 2 + 2 * ROWS // PAGE  # no order, no tail
    entry = enter("V-1")
    _add(sandbox, "V-1")

    seek(entry)

    assert len(sandbox.requests) <= most


def test_not_there(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """What is not found in the whole list was not there, and all of it was read."""
    entry = enter("V-1")

    sought = seek(entry)

    assert sought.complete
    assert sought.seen == {entry.record: []}
    assert {arrival.page for arrival in sandbox.requests} >= set(range(1, ROWS // PAGE + 1))


def test_the_tail_alone(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """Where the whole list is not wished for, what is not found says nothing."""
    sought = seek(enter("V-1"), whole=False)

    assert not sought.complete
    assert len(sandbox.requests) <= 3


def test_what_may_be_it(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """What has the code and other content, or the content and another code, is seen as that."""
    coded, alike = enter("V-1"), enter("V-2", phone="507")
    other = _add(sandbox, "V-1", name="Another")
    like = _add(sandbox, "X-7", name="Vendor V-2", phone="507")

    sought = seek(coded, alike)

    assert sought.seen[coded.record] == [Candidate(other, "V-1", True, ("name",), True)]
    assert sought.seen[alike.record] == [Candidate(like, "X-7", False, (), True)]


def test_held_before(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """A record that was held before the sending is not it, and the search goes on."""
    entry = enter("V-1")
    old = _add(sandbox, "V-1")

    sought = seek(entry, held=(old,))

    (seen,) = sought.seen[entry.record]
    assert (seen.is_new, seen.is_match) == (False, False)
    assert sought.complete


def test_older(sandbox: Sandbox, seek: Seek, enter: Enter) -> None:
    """A record that says it was made well before the sending is not it."""
    entry = enter("V-1")
    _add(sandbox, "V-1", date_created="2026-02-01T00:00:00Z")

    (seen,) = seek(entry).seen[entry.record]

    assert (seen.has_code, seen.is_new) == (True, False)
