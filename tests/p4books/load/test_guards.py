"""Guards against rows that are gone, or become others, in mass."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.p4books.load.conftest import Hold, Open, Write

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.endpoints.vendors import VENDORS
from p4books.errors import Incomplete, P4BooksError, RowsReplaced, TooManyChanged
from p4books.extract.pagination import ListOrder, ListProfile, ScanOutcome
from p4books.extract.reader import ExtractedList
from p4books.extract.scan import ReadMode, ScanResult
from p4books.extract.spool import Spool, StoredPage
from p4books.load.delta import Delta
from p4books.load.guards import DeletionGuard, Guards, IdentityGuard, compare_lists
from p4books.load.schema import (
    NO_SCAN,
    ScanProgress,
    ScanTally,
    WarehouseState,
)


def make_delta(held: int, gone: int, seen: int | None = None) -> Delta:
    return Delta(
        endpoint=INVOICES,
        scanned=NO_SCAN,
        held=held,
        seen=held - gone if seen is None else seen,
        new=0,
        changed=0,
        gone=gone,
        missed=False,
        query="",
    )


@pytest.mark.parametrize(
    ("held", "gone", "blocked"),
    [
        (1000, 0, False),
        (1000, 200, False),
        (1000, 201, True),
        (30, 20, False),
        (30, 21, True),
        (200, 21, False),
        (0, 0, False),
    ],
)
def test_guard(held: int, gone: int, blocked: bool) -> None:
    """The guard blocks deletions of more than the share and more than twenty rows."""
    assert DeletionGuard(0.2).blocks(make_delta(held, gone)) is blocked


@pytest.mark.parametrize("held", [1, 20, 1000])
def test_guard_of_an_emptied_list(held: int) -> None:
    """A list that is suddenly empty is blocked, however short it was."""
    assert DeletionGuard(1.0).blocks(make_delta(held, held))


def test_guard_of_an_empty_list() -> None:
    """A list that was always empty is not blocked."""
    assert not DeletionGuard(0.0).blocks(make_delta(0, 0))


def test_allowed_deletions() -> None:
    """Allowed deletions pass, but only of the endpoints named."""
    gone = make_delta(1000, 1000)

    assert not DeletionGuard(0.2, {"invoices"}).blocks(gone)
    assert DeletionGuard(0.2, {"vendors"}).blocks(gone)


@pytest.mark.parametrize(("held", "blocked"), [(2, False), (3, True), (1000, True)])
def test_guard_of_a_replaced_list(held: int, blocked: bool) -> None:
    """A list of which no row is left is blocked even if it has others, unless it is tiny."""
    assert DeletionGuard(1.0).blocks(make_delta(held, held, seen=7)) is blocked


# Rows that have become others

GUARDS = Guards(DeletionGuard(0.2), IdentityGuard(0.5))
CREATED = "2026-03-01T12:00:00Z"


def record(number: int, **values: Any) -> str:
    """Return a record as JSON text."""
    own = {"code": f"C-{number}", "name": f"Name {number}", "date_created": CREATED}
    return json.dumps({"id": number, **own, **values})


def invoice(number: int, **values: Any) -> str:
    days = {"document_date": "2026-03-01", "status": "Posted"}
    return record(number, **{"name": None, **days, **values})


def extract(
    endpoint: Endpoint,
    pages: list[StoredPage],
    *,
    ended: bool = True,
    complete: bool = True,
    quiet: bool = True,
    total: int | None = None,
) -> ExtractedList:
    """Return a list as a run has read it; with `ended`, to its end."""
    rows = sum(page.rows for page in pages)
    scan = ScanResult(
        outcome=ScanOutcome(rows, rows, complete=complete, quiet=quiet) if ended else None,
        identity="scan",
        started_at=0,
        ended_at=0,
        current_to=0,
        pages=len(pages),
        announced_pages=len(pages),
        mode=ReadMode.WHOLE,
        profile=None if total is None else ListProfile(10, total, ListOrder.OLDEST_FIRST),
    )
    return ExtractedList(endpoint, Spool(pages[0].path.parent, {}), scan)


Judge = Callable[..., tuple[list[str], dict[str, P4BooksError]]]


@pytest.fixture
def judge(open_warehouse: Open, write: Write) -> Judge:
    """Compare lists, given by endpoint as records; return those to load, and the errors."""

    def judge(
        lists: dict[Endpoint, list[str]], guards: Guards = GUARDS, *, ended: bool = True
    ) -> tuple[list[str], dict[str, P4BooksError]]:
        extracted = [extract(each, write(rows), ended=ended) for each, rows in lists.items()]
        state = WarehouseState({each.name: NO_SCAN for each in lists})
        pairs, faults, _ = compare_lists(open_warehouse().con, extracted, state, guards)
        return [delta.endpoint.name for _, delta in pairs], faults

    return judge


OTHERS: dict[str, dict[str, Any]] = {
    "name": {"name": "Another"},
    "code": {"code": "X"},
    "date of creation": {"date_created": "2026-01-31T12:00:00Z"},
}


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(("changed", "blocked"), [(20, False), (25, False), (26, True)])
def test_rows_that_became_others(
    judge: Judge, hold: Hold, values: dict[str, Any], changed: int, blocked: bool
) -> None:
    """If most rows read again have another code, name or date of creation, nothing is loaded."""
    hold(PRODUCTS, *(record(n) for n in range(50)))
    rows = [record(n, **values) if n < changed else record(n) for n in range(50)]

    loaded, faults = judge({PRODUCTS: rows})

    assert loaded == ([] if blocked else ["products"])
    if blocked:
        assert isinstance(faults["products"], TooManyChanged)
        assert str(faults["products"]).startswith("products: 26 of 50 rows that were read again")
    allowed = Guards(GUARDS.deletion, IdentityGuard(0.5, {"products"}))
    assert judge({PRODUCTS: rows}, allowed) == (["products"], {})


SAME: dict[str, dict[str, Any]] = {
    "price": {"price": 12},
    "new field": {"margin": 1},
    "spelling": {"name": " NAMÉ  X\n"},
    "no value any more": {"code": None, "name": " ", "date_created": None},
    "time zone": {"date_created": "2026-03-01T12:00:00-05:00"},
    "fraction": {"date_created": "2026-03-01T12:00:00.25Z"},
}


@pytest.mark.parametrize("values", SAME.values(), ids=SAME)
def test_rows_that_are_the_same(judge: Judge, hold: Hold, values: dict[str, Any]) -> None:
    """Amounts, new fields, spellings and values that come or go make no other record."""
    hold(PRODUCTS, *(record(n, name="Namé X") for n in range(50)))

    rows = [record(n, **{"name": "Namé X", **values}) for n in range(50)]

    assert judge({PRODUCTS: rows}) == (["products"], {})


def test_value_that_appears(judge: Judge, hold: Hold) -> None:
    """Rows that get a date of creation are the same, and they may have had nothing else."""
    hold(PRODUCTS, *(record(n, code=None, name="", date_created=None) for n in range(50)))

    assert judge({PRODUCTS: [record(n) for n in range(50)]}) == (["products"], {})


@pytest.mark.parametrize(("status", "blocked"), [("draft ", False), ("Posted", True)])
def test_drafts(judge: Judge, hold: Hold, status: str, blocked: bool) -> None:
    """Invoices that were drafts get their number when they are posted."""
    hold(INVOICES, *(invoice(n, status=status) for n in range(50)))

    _, faults = judge({INVOICES: [invoice(n, code=f"F-{n}") for n in range(50)]})

    assert ("invoices" in faults) is blocked


@pytest.mark.parametrize(
    ("held", "fresh", "blocked"),
    [
        (3, {"code": "X", "name": "Y"}, False),
        (2, {"code": "X", "name": "Y", "date_created": "2020-01-01"}, False),
        (3, {"code": "X", "name": "Y", "date_created": "2020-01-01"}, True),
    ],
)
def test_short_lists(
    judge: Judge, hold: Hold, held: int, fresh: dict[str, Any], blocked: bool
) -> None:
    """In a short list all rows must be others in all that names them; in a tiny one nothing is."""
    hold(PRODUCTS, *(record(n) for n in range(held)))

    loaded, _ = judge({PRODUCTS: [record(n, **fresh) for n in range(held)]})

    assert loaded == ([] if blocked else ["products"])


@pytest.mark.parametrize(("first", "last"), [(0, 60), (200, 600), (290, 600), (299, 400)])
def test_other_company_with_some_of_the_ids(
    judge: Judge, hold: Hold, first: int, last: int
) -> None:
    """However many ids two companies share, one is not loaded over the other."""
    hold(PRODUCTS, *(record(n) for n in range(300)))
    others = [
        record(n, code=f"B-{n}", name="B", date_created="2020-01-01") for n in range(first, last)
    ]

    assert judge({PRODUCTS: others})[0] == []


def test_other_company_without_any_of_the_ids(judge: Judge, hold: Hold) -> None:
    """A list whose rows have all given way to others is not loaded; nothing is closed."""
    hold(PRODUCTS, *(record(n) for n in range(30)))
    others = [record(n) for n in range(100, 110)]

    loaded, faults = judge({PRODUCTS: others})

    assert loaded == []
    assert "no longer returns 30 of 30 rows" in str(faults["products"])
    assert "but 10 new rows." in str(faults["products"])
    allowed = Guards(DeletionGuard(0.2, {"products"}), GUARDS.identity)
    assert judge({PRODUCTS: others}, allowed) == (["products"], {})


def test_part_of_a_list(judge: Judge, hold: Hold) -> None:
    """A slice is judged by its own rows, whatever the length of the list."""
    hold(PRODUCTS, *(record(n) for n in range(300)))

    loaded, faults = judge({PRODUCTS: [record(n, code="X") for n in range(30)]}, ended=False)

    assert (loaded, list(faults)) == ([], ["products"])


@pytest.mark.parametrize("ended", [True, False])
def test_suspicion(judge: Judge, hold: Hold, ended: bool) -> None:
    """Once one list has other records, so has each list of which no row is as it was."""
    hold(PRODUCTS, *(record(n) for n in range(50)))
    hold(VENDORS, record(1))
    hold(CUSTOMERS, record(1), record(2))
    hold(INVOICES, invoice(1))
    lists = {
        PRODUCTS: [record(n, code="X") for n in range(50)],
        VENDORS: [record(1, code="X", name="X", date_created="2020-01-01")],
        CUSTOMERS: [record(1, code="X"), record(2)],
        INVOICES: [invoice(7)],
    }

    loaded, faults = judge(lists, ended=ended)

    assert loaded == ["customers"]
    assert sorted(faults) == ["invoices", "products", "vendors"]
    allowed = Guards(GUARDS.deletion, IdentityGuard(0.5, {"products"}))
    assert judge(lists, allowed, ended=ended)[1] == {}


# A part of a scan

Part = Callable[..., tuple[list[Delta], dict[str, P4BooksError], list[str]]]


@pytest.fixture
def read_part(open_warehouse: Open, write: Write) -> Part:
    """Compare a part of a scan of products; return the deltas to load, the errors, the notes."""

    def read_part(
        rows: list[str],
        guards: Guards = GUARDS,
        *,
        total: int | None = None,
        before: ScanTally | None = None,
        **scan: bool,
    ) -> tuple[list[Delta], dict[str, P4BooksError], list[str]]:
        list_ = extract(PRODUCTS, write(rows), total=total, **{"ended": False, **scan})
        state = WarehouseState({"products": ScanProgress("done", "scan", 0, before)})
        pairs, faults, waiting = compare_lists(open_warehouse().con, [list_], state, guards)
        return [delta for _, delta in pairs], faults, waiting

    return read_part


def records(first: int, last: int, **values: Any) -> list[str]:
    return [record(n, **values) for n in range(first, last)]


def test_part_of_other_books(read_part: Part, hold: Hold) -> None:
    """New rows although the total did not grow: as many are gone, before the scan shows which."""
    hold(PRODUCTS, *records(0, 300))

    deltas, faults, _ = read_part(records(1000, 1100), total=300)

    assert deltas == []
    assert isinstance(faults["products"], RowsReplaced)
    assert "no longer returns 100 of 300 rows" in str(faults["products"])
    allowed = Guards(DeletionGuard(0.2, {"products"}), GUARDS.identity)
    (delta,), faults, waiting = read_part(records(1000, 1100), allowed, total=300)
    assert (faults, waiting) == ({}, [])
    assert delta.scanned.tally == ScanTally(0, 0, arrived=100)  # nor is the rest of it judged


@pytest.mark.parametrize("total", [1000, 2500, None])
def test_part_without_known_rows(read_part: Part, hold: Hold, total: int | None) -> None:
    """New rows wait until some are read that were there before, whatever the total."""
    hold(PRODUCTS, *records(0, 1000))

    deltas, faults, (note,) = read_part(records(2000, 2100), total=total)

    assert (deltas, faults) == ([], {})
    assert "100 are new and 0 are not" in note
    (delta,), faults, waiting = read_part(records(2000, 2100) + records(997, 1000), total=total)
    assert (delta.new, faults, waiting) == (100, {}, [])


@pytest.mark.parametrize("held", [0, 1])
def test_part_of_tiny_list(read_part: Part, hold: Hold, held: int) -> None:
    """A list that had one row or none grows without waiting."""
    hold(PRODUCTS, *records(0, held))

    assert len(read_part(records(0, 50), total=90)[0]) == 1


def test_part_with_rows_in_place_of_missing_ones(read_part: Part, hold: Hold) -> None:
    """Rows that the scan before already missed are not lost again."""
    hold(PRODUCTS, *records(0, 100), missed=[str(n) for n in range(60)])

    (delta,), faults, waiting = read_part(records(80, 130), total=70)

    assert (delta.new, delta.lost, faults, waiting) == (30, 0, {}, [])


def test_part_with_few_other_rows(read_part: Part, hold: Hold) -> None:
    """Too few other rows to be sure wait; at the end of the list they are judged as before."""
    hold(PRODUCTS, *records(0, 300))
    others = {"code": "X", "name": "Y"}
    part = records(0, 10, **others) + records(300, 310)

    deltas, faults, (note,) = read_part(part, total=310)

    assert (deltas, faults) == ([], {})
    assert "10 of 10 rows read again so far are other records" in note
    assert len(read_part(part + records(10, 20), total=310)[0]) == 1
    allowed = Guards(GUARDS.deletion, IdentityGuard(0.5, {"products"}))
    assert len(read_part(part, allowed, total=310)[0]) == 1


def test_parts_together(read_part: Part, hold: Hold) -> None:
    """A scan is judged by the rows of all its runs, and by those of the last one."""
    hold(PRODUCTS, *records(0, 300))
    so_far = ScanTally(held=300, arrived=15, met=20, compared=20, recoded=15)

    _, faults, _ = read_part(records(0, 10, code="X"), total=315, before=so_far)
    assert "25 of 30 rows that were read again" in str(faults["products"])

    _, faults, _ = read_part(records(400, 460), total=310, before=so_far)
    assert "no longer returns 65 of 300 rows, " in str(faults["products"])
    assert "but 75 new rows." in str(faults["products"])

    (delta,), _, _ = read_part(records(0, 30), total=315, before=so_far)
    assert delta.scanned.tally == ScanTally(300, 0, 15, 50, 50, 15)


def test_last_part(read_part: Part, hold: Hold) -> None:
    """At its end a scan is judged by all its rows, also by those that were loaded meanwhile."""
    hold(PRODUCTS, *records(0, 140))
    so_far = ScanTally(held=100, arrived=40, met=10, compared=10)

    deltas, faults, _ = read_part(records(90, 190), before=so_far, ended=True)

    assert deltas == []
    assert "no longer returns 90 of 100 rows, " in str(faults["products"])
    assert "but 90 new rows." in str(faults["products"])


def test_disturbed_scan_of_other_books(read_part: Part, hold: Hold) -> None:
    """Other books in which rows move are no less others."""
    hold(PRODUCTS, *records(0, 30))

    _, faults, _ = read_part(records(100, 150), ended=True, quiet=False)
    assert isinstance(faults["products"], RowsReplaced)

    deltas, faults, _ = read_part(records(100, 150), ended=True, complete=False)
    assert deltas == []
    assert isinstance(faults["products"], Incomplete)
    assert "Nothing was loaded for products" in str(faults["products"])
