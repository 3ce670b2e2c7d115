"""Purchase prices: against the order before, and against the median."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "999999999999.999999"


@pytest.fixture
def add_order(insert: Action) -> Action:
    """Insert a purchase order with lines of product 5, each with a quantity and a net."""

    def add_order(
        number: str, day: str, *lines: tuple[Any, Any], vendor: str | None = "1", **fields: Any
    ) -> None:
        items = [
            {"product_id": 5, "quantity": quantity, "subtotal": net} for quantity, net in lines
        ]
        row = {"id": number, "vendor_id": vendor, "document_date": day, "lines": items}
        insert("purchase_orders", **{**row, **fields})

    return add_order


@pytest.fixture
def prices(query_text: Query) -> Query:
    """Return a function that selects columns of each order of a product."""

    def prices(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.purchase_price_history"
            " order by document_on, length(purchase_order_id), purchase_order_id, product_id"
        )

    return prices


def test_price(add_order: Action, insert: Action, prices: Query) -> None:
    """The lines of a product in an order are one price, after discount; names are shown."""
    insert("products", id="5", code="P5", name="Thing")
    insert("vendors", id="1", name="Istmo")
    add_order("9", "2026-01-01", (2, "20"), (1, "7"), (-1, "-50"), (0, "3"))

    assert prices("*") == [
        (
            *("5", "1", "9", "P5", "Thing", "Istmo", "USD", "2026-01-01"),
            *("3.000000", "9.000000", None, None, "9.000000", "0.000000", "27.00"),
        )
    ]


def test_price_before(add_order: Action, prices: Query) -> None:
    """A price is compared with the one before, from the same vendor in the same currency; of two on
    a day, the higher id is later."""
    add_order("10", "2026-01-02", (1, "11"))
    add_order("9", "2026-01-02", (1, "10"))
    add_order("1", "2026-01-03", (1, "99"), vendor="2")
    add_order("2", "2026-01-04", (1, "50"), currency="EUR")
    add_order("3", "2026-01-05", (2, "11"))

    assert prices("purchase_order_id, unit_price, price_before, price_change") == [
        ("9", "10.000000", None, None),
        ("10", "11.000000", "10.000000", "0.100000"),
        ("1", "99.000000", None, None),
        ("2", "50.000000", None, None),
        ("3", "5.500000", "11.000000", "-0.500000"),
    ]


def test_median(add_order: Action, prices: Query) -> None:
    """The median is that of all vendors, in full between two prices, and of no other currency."""
    add_order("1", "2026-01-01", (1000, "1000"), vendor="1")
    add_order("2", "2026-01-02", (10, "20"), vendor="2")
    add_order("3", "2026-01-03", (1, "900"), currency="EUR", vendor=None)

    assert prices("vendor_id, median_price, price_against_median") == [
        ("1", "1.500000", "-0.333333"),
        ("2", "1.500000", "0.333333"),
        ("(none)", "900.000000", "0.000000"),
    ]


def test_no_price(add_order: Action, prices: Query) -> None:
    """A line without product, quantity or net says nothing about a price, nor a cancelled order."""
    free = [(1, "0"), (1, "-5"), (0, "5"), (None, "5"), (-1, "5")]
    for number, line in enumerate(free):
        add_order(f"{number}", "2026-01-01", line)
    add_order("10", "2026-01-01", (1, "5"), status="Cancelled")
    add_order("11", "2026-01-01", lines=[{"quantity": 1, "subtotal": 5}])

    assert prices("net") == []


def test_tiny_and_huge_prices(add_order: Action, prices: Query) -> None:
    """Prices that round to 0, and changes that fit in no column, break nothing."""
    add_order("1", "2026-01-01", (HUGE, "0.01"))
    add_order("2", "2026-01-02", ("0.000001", "9999999999999999.99"))
    add_order("3", "2026-01-03", (1, "0.01"))
    add_order("4", "2026-01-04", (1, "1000"))

    assert prices("unit_price, price_change") == [
        ("0.000000", None),
        (None, None),
        ("0.010000", None),
        ("1000.000000", None),
    ]
