"""Sales orders and purchase orders, which follow the same rules."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@dataclass(frozen=True)
class Kind:
    """A kind of order: the names of its columns and fields, and its final status."""

    name: str
    party: str
    promised_field: str
    done: str

    @property
    def table(self) -> str:
        """Return the name of its table in raw."""
        return f"{self.name}s"

    @property
    def model(self) -> str:
        """Return the name of its model."""
        return f"core.fct_{self.name}"

    @property
    def money(self) -> str:
        """Return its amount columns."""
        return f"{self.name}_subtotal, {self.name}_tax, {self.name}_total"


SALES = Kind("sales_order", "customer_id", "required_date", "Fulfilled")
PURCHASE = Kind("purchase_order", "vendor_id", "expected_date", "Received")


@pytest.fixture(params=[SALES, PURCHASE], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of order."""
    found: Kind = request.param
    return found


def amounts(*values: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def test_versions(kind: Kind, insert: Action, query: Query) -> None:
    """The current version of each order counts; a deleted order does not, a restored one does."""
    insert(kind.table, id="1", total=1, _dlt_valid_to="2026-01-02")
    insert(kind.table, id="1", total=2, _dlt_valid_from="2026-01-02")
    insert(kind.table, id="2", total=3, _dlt_valid_to="2026-01-02")
    insert(kind.table, id="3", total=4, _dlt_valid_to="2026-01-02")
    insert(kind.table, id="3", total=5, _dlt_valid_from="2026-01-04")
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 4)]

    assert query(
        f"select {kind.name}_id, {kind.name}_total, first_seen_at, last_changed_at"
        f" from {kind.model} order by 1"
    ) == [("1", Decimal(2), days[0], days[1]), ("3", Decimal(5), days[0], days[2])]


def test_text_and_keys(kind: Kind, insert: Action, query: Query) -> None:
    """Keys and text are kept as P4 Books spells them; the currency is in upper case."""
    words = {"code": "SO-1 'x'", "status": "Open", "warehouse_id": "w", "currency": "eur"}
    insert(kind.table, id="1", **{kind.party: "7"}, **words)

    assert query(
        f"select {kind.name}_id, {kind.party}, warehouse_id, {kind.name}_code,"
        f" {kind.name}_status, currency from {kind.model}"
    ) == [("1", "7", "w", "SO-1 'x'", "Open", "EUR")]


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        # live, open, partly done
        ("Open", (True, True, False)),
        ("Partially{done}", (True, True, True)),
        ("partially_{done}", (True, True, True)),
        ("{done}", (True, False, False)),
        ("CLOSED", (True, False, False)),
        ("Cancelled", (False, False, False)),
        ("canceled", (False, False, False)),
        ("Void", (False, False, False)),
        ("draft", (False, False, False)),
        (None, (True, True, False)),
        ("Who knows", (True, True, False)),
    ],
)
def test_status(
    kind: Kind, insert: Action, query: Query, status: str | None, flags: tuple[bool, ...]
) -> None:
    """An order is open unless it is done or cancelled, in any case; an unknown status is open."""
    insert(kind.table, id="1", status=status and status.format(done=kind.done))

    assert query(f"select is_live, is_open, is_partly_done from {kind.model}") == [flags]


@pytest.mark.parametrize(
    ("kind", "other"), [(SALES, PURCHASE), (PURCHASE, SALES)], indirect=["kind"]
)
def test_status_of_the_other_kind(kind: Kind, other: Kind, insert: Action, query: Query) -> None:
    """A status that ends only the other kind of order is an unknown one."""
    insert(kind.table, id="1", status=other.done)
    insert(kind.table, id="2", status=f"Partially{other.done}")

    assert query(f"select is_open, is_partly_done from {kind.model}") == [(True, False)] * 2


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        (("100", "7", "107"), ("100", "7", "107")),
        ((None, "7", "107"), ("100", "7", "107")),
        (("100", None, "107"), ("100", "7", "107")),
        (("100", "7", None), ("100", "7", "107")),
        (("100", None, None), ("100", "0", "100")),
        ((None, "7", None), ("0", "7", "7")),
        ((None, None, "107"), ("107", "0", "107")),
        ((None, None, None), ("0", "0", "0")),
        ((HUGE, HUGE, None), (HUGE, HUGE, "0")),
    ],
)
def test_amounts(
    kind: Kind,
    insert: Action,
    query: Query,
    given: tuple[str | None, ...],
    complete: tuple[str, ...],
) -> None:
    """A missing amount is derived from the others."""
    names = ("subtotal", "tax_total", "total")
    insert(kind.table, id="1", **dict(zip(names, given, strict=True)))

    assert query(f"select {kind.money} from {kind.model}") == [amounts(*complete)]


def test_header_without_amounts(kind: Kind, insert: Action, query: Query) -> None:
    """A header without amounts is the sum of its lines."""
    lines = [{"subtotal": "100.01"}, {"quantity": 1000, "price": 1000, "discount": "0.5"}, {}]
    insert(kind.table, id="1", tax_total=7, lines=lines)

    assert query(f"select {kind.money} from {kind.model}") == [
        amounts("1000099.51", "7", "1000106.51")
    ]


def test_only_total_and_lines(kind: Kind, insert: Action, query: Query) -> None:
    """If the header has only a total, the net is that of the lines, and the tax is the rest."""
    insert(kind.table, id="1", total=107, lines=[{"subtotal": 60}, {"subtotal": 40}])
    insert(kind.table, id="2", total=107, lines=[{}])

    assert query(f"select {kind.money} from {kind.model} order by {kind.name}_id") == [
        amounts("100", "7", "107"),
        amounts("107", "0", "107"),
    ]


@pytest.mark.parametrize(
    ("status", "promised", "late"),
    [
        ("Open", "2026-06-29", 1),
        ("Open", "2026-06-30", 0),
        ("Open", "2026-07-01", 0),
        ("Open", None, 0),
        ("{done}", "2026-06-01", None),
        ("Cancelled", "2026-06-01", None),
    ],
)
def test_late(
    kind: Kind,
    insert: Action,
    set_as_of: Action,
    query: Query,
    status: str,
    promised: str | None,
    late: int | None,
) -> None:
    """An open order is late by the days since it was promised; any other order never is."""
    set_as_of("2026-06-30")
    insert(
        kind.table,
        id="1",
        status=status.format(done=kind.done),
        **{kind.promised_field: promised},
    )

    assert query(f"select days_late from {kind.model}") == [(late,)]


@pytest.mark.parametrize(
    ("document", "created", "day"),
    [
        ("2026-02-01", "2026-03-01 04:59:59+00", "2026-02-01"),
        (None, "2026-03-01 04:59:59+00", "2026-02-28"),
        (None, "2026-03-01 05:00:00+00", "2026-03-01"),
        (None, None, "2025-12-31"),
    ],
)
def test_document_day(
    kind: Kind, insert: Action, query: Query, document: str | None, created: str | None, day: str
) -> None:
    """A missing document date is the day in Panama on which the order was created, else first
    seen."""
    insert(kind.table, id="1", document_date=document, date_created=created)

    assert query(f"select document_on from {kind.model}") == [(date.fromisoformat(day),)]


def test_no_party_and_no_currency(kind: Kind, insert: Action, query: Query) -> None:
    """An order without a party is listed under (none), one without a currency has the tenant's."""
    insert(kind.table, id="1", **{kind.party: None}, currency=None)

    assert query(f"select {kind.party}, currency from {kind.model}") == [("(none)", "USD")]
