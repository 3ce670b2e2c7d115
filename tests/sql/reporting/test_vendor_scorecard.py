"""Vendors: what they get, how late they are, and how their prices move."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_order(insert: Action, set_as_of: Action) -> Action:
    """Insert a purchase order of vendor 1; as of 30 June 2026."""
    set_as_of("2026-06-30")
    numbers = iter(range(1, 1000))

    def add_order(net: str | None, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "vendor_id": "1", "document_date": "2026-06-01"}
        insert("purchase_orders", **{**row, "subtotal": net, "status": "Open", **fields})

    return add_order


@pytest.fixture
def cards(query_text: Query) -> Query:
    """Return a function that selects columns of each vendor and currency."""

    def cards(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.vendor_scorecard order by vendor_id, currency"
        )

    return cards


def test_vendor(add_order: Action, insert: Action, cards: Query) -> None:
    """A vendor has the net, number and share of its live orders, and how many are late."""
    insert("vendors", id="1", code="V1", name="Istmo")
    add_order("60", expected_date="2026-06-29")
    add_order("15", expected_date="2026-06-11", status="Received")
    add_order("99", expected_date="2026-06-11", status="Cancelled")
    add_order("25", vendor_id="2")
    add_order("5", currency="eur")

    assert cards("* exclude (history_since)") == [
        ("1", "V1", "Istmo", "EUR", 1, 0, 0, 0, None, None, None, "1.000000", "5.00"),
        ("1", "V1", "Istmo", "USD", 2, 1, 0, 0, None, "19.00", None, "0.750000", "75.00"),
        *[("2", None, "(unknown 2)", "USD", 1, 0, 0, 0, None, None, None, "0.250000", "25.00")],
    ]


def test_promised_lead_days(add_order: Action, cards: Query) -> None:
    """The median leaves out orders without a promise, or with one before the order."""
    for expected in ("2026-06-02", "2026-06-05", "2026-06-12", None, "0202-06-01"):
        add_order("1", expected_date=expected)

    assert cards("promised_lead_days") == [("4.00",)]


def test_share_with_negative_orders(add_order: Action, cards: Query) -> None:
    """A vendor whose orders are negative, or exceed the whole, has no share of it."""
    add_order("-5")
    add_order("10", vendor_id="2")
    add_order(None, vendor_id=None)

    assert cards("vendor_id, purchase_share, ordered") == [
        ("(none)", "0.000000", "0.00"),
        ("1", None, "-5.00"),
        ("2", None, "10.00"),
    ]


def test_price_drift(add_order: Action, cards: Query) -> None:
    """What was last ordered is compared with the first price of the same product in 12 months."""
    orders = [
        ("2025-06-30", 5, 1, "1"),  # too old
        ("2025-07-01", 5, 10, "100"),
        ("2025-12-01", 5, 10, "500"),
        ("2026-06-30", 5, 2, "24"),
        ("2026-01-01", 6, 1, "50"),
        ("2026-02-01", 6, 4, "180"),
        ("2026-02-01", 7, 1, "1"),  # ordered once
        ("2026-07-01", 6, 1, "999"),  # of a later day
    ]
    for day, product, quantity, net in orders:
        lines = [{"product_id": product, "quantity": quantity, "subtotal": net}]
        add_order(net, document_date=day, lines=lines)

    # 24 + 180 instead of 20 + 200
    assert cards("price_drift") == [("-0.072727",)]


# Versions of an order by vendor: its status, the day of January on which it is found, and the day
# promised, by default the 10th; then what is observed: orders, and how many of them were on time.
DELIVERIES: dict[str, tuple[list[tuple[Any, ...]], tuple[int, int]]] = {
    "on the last day": ([("Open", 1), ("Received", 10)], (1, 1)),
    "a day late": ([("Open", 1), ("Received", 11)], (1, 0)),
    "promise changed on receipt": ([("Open", 1), ("RECEIVED", 11, 31)], (1, 0)),
    "promise changed before": ([("Open", 1), ("Open", 8, 12), ("Received", 11, 12)], (1, 1)),
    "twice": ([("Open", 1), ("Received", 6), ("Open", 7), ("Received", 12)], (1, 0)),
    "then closed": ([("Open", 1), ("Received", 9), ("Closed", 20)], (1, 1)),
    "when history began": ([("Received", 1)], (0, 0)),
    "closed only": ([("Open", 1), ("Closed", 10)], (0, 0)),
    "in part": ([("Open", 1), ("PartiallyReceived", 10)], (0, 0)),
    "no promise": ([("Open", 1, None), ("Received", 10)], (0, 0)),
    "then cancelled": ([("Open", 1), ("Received", 5), ("Cancelled", 8)], (0, 0)),
    "then deleted": ([("Open", 1), ("Received", 5), ("(deleted)", 8)], (0, 0)),
}


def test_on_time(add_order: Action, insert: Action, query: Query) -> None:
    """Orders seen turning Received since history began were on time or not, by the promise that
    stood before."""
    insert("history", endpoint="purchase_orders", since="2026-01-01")
    for vendor, (versions, _) in DELIVERIES.items():
        add_order("1", vendor_id=vendor, id=f"open one of {vendor}")
        for (status, found, *promise), (_, until, *_) in pairwise([*versions, (None, None)]):
            if status != "(deleted)":
                day = promise[0] if promise else 10
                add_order(
                    "1",
                    id=f"order of {vendor}",
                    vendor_id=vendor,
                    status=status,
                    expected_date=day and f"2026-01-{day}",
                    _dlt_valid_from=f"2026-01-{found} 17:00:00+00",
                    _dlt_valid_to=until and f"2026-01-{until} 17:00:00+00",
                )

    actual = query(
        "select vendor_id, observed_orders, on_time_orders from reporting.vendor_scorecard"
    )
    assert {vendor: tuple(counts) for vendor, *counts in actual} == {
        vendor: counts for vendor, (_, counts) in DELIVERIES.items()
    }
    assert query(
        "select on_time_share, count(*), any_value(history_since) from reporting.vendor_scorecard"
        " group by on_time_share order by on_time_share"
    ) == [
        (share, count, datetime(2026, 1, 1, tzinfo=UTC))
        for share, count in ((Decimal(0), 3), (Decimal(1), 3), (None, 6))
    ]


def test_id_of_another_order(add_order: Action, cards: Query) -> None:
    """What was received under an id that P4 Books gave to another order later does not count."""
    for code, status, since, until in (
        ("A", "Open", "2026-01-01", "2026-01-05"),
        ("A", "Received", "2026-01-05", "2026-01-08"),
        ("B", "Open", "2026-01-10", None),
    ):
        valid = {"_dlt_valid_from": since, "_dlt_valid_to": until, "expected_date": "2026-01-31"}
        add_order("1", id="1", code=code, status=status, **valid)

    assert cards("orders, observed_orders") == [(1, 0)]
