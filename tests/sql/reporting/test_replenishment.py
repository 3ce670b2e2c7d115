"""Products: sold, demanded and on order."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def as_of(set_as_of: Action) -> None:
    """As of 30 June 2026."""
    set_as_of("2026-06-30")


@pytest.fixture
def products(query_text: Query) -> Query:
    """Return a function that selects columns of each product."""

    def products(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.replenishment order by product_id")

    return products


def line(quantity: object, product: int | None = 5) -> dict[str, Any]:
    """Return a line."""
    return {"product_id": product, "quantity": quantity, "subtotal": 1}


def test_product(insert: Action, add_invoice: Action, products: Query) -> None:
    """A product has what was sold in 90 days, what is demanded, and what is on order."""
    insert(
        "products", id="5", code="P5", name="Thing", product_type="Inventory", unit_of_measure="kg"
    )
    add_invoice("2026-04-02", "1", lines=[line(40)])
    add_invoice("2026-06-30", "1", currency="EUR", lines=[line("5.5")])
    add_invoice("2026-06-30", "-1", total="-1", lines=[line("-0.5")])
    for day in ("2026-04-01", "2026-07-01"):
        add_invoice(day, "1", lines=[line(1000)])
    add_invoice("2026-06-01", "1", status="void", lines=[line(1000)])
    for status in ("Open", "odd", "Fulfilled", "Cancelled"):
        insert("sales_orders", id=status, status=status, lines=[line(3)])
    for status in ("Open", "", "Received", "void"):
        insert("purchase_orders", id=f"{status}.", status=status, lines=[line(15)])

    assert products("*") == [
        (
            *("5", "P5", "Thing", "Inventory", "kg", False),
            *("45.000000", "6.000000", "30.000000", "60.00"),
        )
    ]


@pytest.mark.parametrize(
    ("table", "status"),
    [("sales_orders", "PartiallyFulfilled"), ("purchase_orders", "partially_received")],
)
def test_partly_done(insert: Action, products: Query, table: str, status: str) -> None:
    """A partly delivered order counts whole and is flagged; without sales nothing is covered."""
    insert(table, id="1", status=status, lines=[line(10), line(2)])
    insert(table, id="2", status="Open", lines=[line(1), line(1, 6)])

    assert products("product_id, is_partly_done, demanded + on_order, days_covered") == [
        ("5", True, "13.000000", None),
        ("6", False, "1.000000", None),
    ]


def test_odd_lines(insert: Action, add_invoice: Action, products: Query) -> None:
    """Lines without a product are under (none), lines without a quantity count nothing, and more
    returns than sales cover no days."""
    add_invoice("2026-06-30", "1", lines=[line(2, None), line(None, 7)])
    add_invoice("2026-06-30", "-1", total="-1", lines=[line(-2, 8)])
    insert("sales_orders", id="1", subtotal=100, lines=[line(None, 7)])
    insert("purchase_orders", id="1", lines=[line(4, 8)])

    assert products("product_id, product_name, sold_90_days, on_order, days_covered") == [
        ("(none)", "(none)", "2.000000", "0.000000", "0.00"),
        ("8", "(unknown 8)", "-2.000000", "4.000000", None),
    ]


def test_absurd_quantity(insert: Action, add_invoice: Action, products: Query) -> None:
    """A quantity that would last longer than a column holds breaks nothing."""
    add_invoice("2026-06-30", "1", lines=[line("0.000001")])
    insert("purchase_orders", id="1", lines=[line("999999999999.999999")])

    assert products("on_order, days_covered") == [("999999999999.999999", None)]
