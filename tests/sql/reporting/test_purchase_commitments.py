"""Open purchase orders, each and by week."""

from collections.abc import Callable
from typing import Any

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def test_order(insert: Action, set_as_of: Action, query_text: Query) -> None:
    """An open order has its vendor, its dates and its total with tax."""
    set_as_of("2026-06-30")
    insert("vendors", id="7", code="V7", name="Istmo")
    order = {"id": "1", "code": "O-1", "vendor_id": "7", "subtotal": 100, "tax_total": 7}
    dates = {"document_date": "2026-06-01", "expected_date": "2026-06-29"}
    insert("purchase_orders", **order, **dates, status="partially_received")

    assert query_text("from reporting.purchase_commitments") == [
        (
            *("1", "7", "O-1", "V7", "Istmo", "partially_received", "USD", True),
            *("2026-06-01", "2026-06-29", 1, "107.00"),
        )
    ]


def test_not_open(insert: Action, query: Query) -> None:
    """An order that is done or does not count commits to nothing."""
    for status in ("Received", "CLOSED", "canceled", "void", "Draft"):
        insert("purchase_orders", id=status, total="5", status=status)

    assert query("from reporting.purchase_commitments") == []
    assert query("from reporting.commitments_by_week") == []


def test_weeks(insert: Action, set_as_of: Action, query_text: Query) -> None:
    """Orders are summed by vendor, week and currency; what is late, or has no day, is expected in
    the week of the as-of day."""
    set_as_of("2026-07-01")  # a Wednesday
    orders = [
        ("1", "2026-06-30", "10", "USD", "Open"),
        ("1", None, "20", "usd", "PartiallyReceived"),
        ("1", "2026-07-05", "40", None, "odd"),
        ("1", "2026-07-05", "-5", "EUR", None),
        ("1", "2026-07-06", "80", "USD", "Open"),
        (None, "2025-01-01", "160", "USD", "Open"),
    ]
    for number, (vendor, expected, total, currency, status) in enumerate(orders):
        values = {"total": total, "currency": currency, "status": status}
        insert(
            "purchase_orders", id=f"{number}", vendor_id=vendor, expected_date=expected, **values
        )

    assert query_text("from reporting.commitments_by_week order by all") == [
        ("(none)", "(none)", "USD", "2026-06-29", 1, 1, 0, "160.00"),
        ("1", "(unknown 1)", "EUR", "2026-06-29", 1, 0, 0, "-5.00"),
        ("1", "(unknown 1)", "USD", "2026-06-29", 3, 1, 1, "70.00"),
        ("1", "(unknown 1)", "USD", "2026-07-06", 1, 0, 0, "80.00"),
    ]
