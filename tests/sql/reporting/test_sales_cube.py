"""Sales by customer, product and month."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

CUBE = "select {} from reporting.sales_cube order by month_on, customer_id, product_id, currency"


def test_no_sales(query: Query) -> None:
    """A warehouse without documents has no rows."""
    assert query("select * from reporting.sales_cube") == []


def test_cube(add_invoice: Action, query_text: Query) -> None:
    """Lines with the same customer, product, month and currency are added up."""
    line = {"product_id": 5, "quantity": 10, "price": 20}
    amount = {**line, "discount": 10, "subtotal": "190.00"}
    share = {**line, "discount": 10, "subtotal": "180.00"}
    add_invoice("2026-01-01", "370.00", customer_id="1", lines=[amount, share])
    add_invoice("2026-01-31", "200.00", customer_id="1", lines=[{**line, "subtotal": "200.00"}])
    add_invoice("2026-02-01", "190.00", customer_id="1", lines=[amount])
    add_invoice("2026-01-31", "190.00", customer_id="2", lines=[amount])
    add_invoice("2026-01-31", "190.00", customer_id="1", currency="EUR", lines=[amount])
    add_invoice("2026-01-31", "190.00", customer_id="1", lines=[{**amount, "product_id": 6}])

    assert query_text(CUBE.format("*")) == [
        ("1", "5", "EUR", "2026-01-01", "10.000000", "10.00", "190.00"),
        ("1", "5", "USD", "2026-01-01", "30.000000", "30.00", "570.00"),
        ("1", "6", "USD", "2026-01-01", "10.000000", "10.00", "190.00"),
        ("2", "5", "USD", "2026-01-01", "10.000000", "10.00", "190.00"),
        ("1", "5", "USD", "2026-02-01", "10.000000", "10.00", "190.00"),
    ]


def test_not_live(add_invoice: Action, query_text: Query) -> None:
    """Void, draft and deleted invoices do not count."""
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5.00", lines=[{"product_id": 5, "subtotal": "5.00"}], **fields)

    assert query_text(CUBE.format("net")) == []


def test_missing_and_unknown_keys(add_invoice: Action, query_text: Query) -> None:
    """A missing customer, a missing product and a header's excess over its lines are listed under
    (none); an unknown one is listed under its id."""
    add_invoice("2026-01-01", "6.00", lines=[{"quantity": 1, "subtotal": "2.00"}])
    add_invoice(
        "2026-01-01", "8.00", customer_id="7", lines=[{"product_id": 77, "subtotal": "9.00"}]
    )

    assert query_text(CUBE.format("customer_id, product_id, quantity, discount, net")) == [
        ("(none)", "(none)", "1.000000", "0.00", "6.00"),
        ("7", "(none)", "0.000000", "0.00", "-1.00"),
        ("7", "77", "0.000000", "0.00", "9.00"),
    ]


def test_returns(add_invoice: Action, query_text: Query) -> None:
    """A credit note's lines and their discounts are subtracted."""
    line = {"product_id": 5, "price": 20, "discount": 10}
    add_invoice("2026-01-01", "180", lines=[{**line, "quantity": 10, "subtotal": "180"}])
    add_invoice(
        "2026-01-02", "-18", total="-18", lines=[{**line, "quantity": -1, "subtotal": "-18"}]
    )

    assert query_text(CUBE.format("quantity, discount, net")) == [("9.000000", "18.00", "162.00")]


@pytest.mark.parametrize("day", ["0202-02-01", "2024-02-29", "2026-12-31", "9999-12-31"])
def test_extreme_days(add_invoice: Action, query_text: Query, day: str) -> None:
    """A document belongs to the month of its day, even if its year is mistyped."""
    add_invoice(day, "1.00")

    assert query_text(CUBE.format("month_on, net")) == [(f"{day[:8]}01", "1.00")]


def test_overflow(add_invoice: Action, query_text: Query) -> None:
    """Sums that overflow their column are null and break nothing."""
    huge = "999999999999.999999"
    line = {"product_id": 5, "quantity": huge, "discount": huge, "subtotal": "9999999999999999.99"}
    add_invoice("2026-01-01", None, lines=[line] * 2)

    assert (None, "2000000000000.00", None) in query_text(CUBE.format("quantity, discount, net"))
