"""Purchase orders by month: by vendor and by product."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_order(insert: Action) -> Action:
    """Insert a purchase order of vendor 1 in dollars; the id is a running number."""
    numbers = iter(range(1, 1000))

    def add_order(day: str | None, net: str | None, *lines: tuple[Any, ...], **fields: Any) -> None:
        names = ("product_id", "quantity", "subtotal")
        items = [dict(zip(names, line, strict=True)) for line in lines]
        row = {"id": f"{next(numbers)}", "vendor_id": "1", "document_date": day, "subtotal": net}
        insert("purchase_orders", **{**row, "lines": items, **fields})

    return add_order


def test_months(add_order: Action, insert: Action, query_text: Query) -> None:
    """Live orders are summed by month and currency, whether they are received or not."""
    insert("vendors", id="1", code="V1", name="Istmo")
    insert("products", id="5", code="P5", name="Thing")
    add_order("2026-01-01", "30", (5, 2, "10"), (6, 4, "20"), status="Received")
    add_order("2026-01-31", "15", (5, 3, "15"), status="Open", tax_total="5")
    add_order("2026-02-01", "7", (5, 1, "7"), currency="EUR", status=None)
    for status in ("Cancelled", "void", "DRAFT"):
        add_order("2026-01-01", "99", (5, 9, "99"), status=status)

    assert query_text("from reporting.purchases_by_vendor order by month_on") == [
        ("1", "V1", "Istmo", "USD", "2026-01-01", 2, "9.000000", "5.000000", "45.00"),
        ("1", "V1", "Istmo", "EUR", "2026-02-01", 1, "1.000000", "7.000000", "7.00"),
    ]
    assert query_text("from reporting.purchases_by_product order by month_on, product_id") == [
        ("5", "P5", "Thing", "USD", "2026-01-01", 2, "5.000000", "5.000000", "25.00"),
        ("6", None, "(unknown 6)", "USD", "2026-01-01", 1, "4.000000", "5.000000", "20.00"),
        ("5", "P5", "Thing", "EUR", "2026-02-01", 1, "1.000000", "7.000000", "7.00"),
    ]


def test_missing_values(add_order: Action, query_text: Query) -> None:
    """An order without vendor, product, quantity or lines is in both sums; what the header has
    beyond its lines is under no product."""
    add_order("2026-01-01", "10", (None, None, "4"), (5, 0, "1"), vendor_id=None)
    add_order("2026-01-02", "3")
    add_order("2026-01-03", "-2", (5, -1, "-2"))

    assert query_text(
        "select vendor_id, vendor_name, orders, quantity, average_price, net"
        " from reporting.purchases_by_vendor order by vendor_id"
    ) == [
        ("(none)", "(none)", 1, "0.000000", None, "10.00"),
        ("1", "(unknown 1)", 2, "-1.000000", "-1.000000", "1.00"),
    ]
    assert query_text(
        "select product_id, product_name, orders, quantity, average_price, net"
        " from reporting.purchases_by_product order by product_id"
    ) == [
        ("(none)", "(none)", 2, "0.000000", None, "12.00"),
        ("5", "(unknown 5)", 2, "-1.000000", "1.000000", "-1.00"),
    ]
