"""Lines of sales orders and purchase orders, which follow the same rules."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

KINDS = pytest.mark.parametrize("kind", ["sales_order", "purchase_order"])
FIELDS = {  # the party, and the field and column of the promised day
    "sales_order": ("customer_id", "required_date", "required_on"),
    "purchase_order": ("vendor_id", "expected_date", "expected_on"),
}


@KINDS
def test_line(insert: Action, set_as_of: Action, query: Query, kind: str) -> None:
    """A line has its order's party, text and days, and its own product and amounts."""
    set_as_of("2026-06-30")
    party, field, column = FIELDS[kind]
    line = {"line_number": 4, "product_id": 9, "description": "😀", "quantity": 3, "price": 5}
    header = {"id": "1", party: "7", "status": "Open", "currency": "eur"}
    days = {"document_date": "2026-06-01", field: "2026-06-20"}
    insert(f"{kind}s", **header, **days, lines=[{**line, "subtotal": "14.99"}])

    assert query(
        f"select {kind}_id, line_number, {party}, product_id, {kind}_status,"
        f" line_description, currency, is_live, is_open, document_on, {column}, days_late,"
        f" quantity, unit_price, line_net from core.fct_{kind}_line"
    ) == [
        (
            *("1", 4, "7", "9", "Open", "😀", "EUR", True, True),
            *(date(2026, 6, 1), date(2026, 6, 20), 10),
            *(Decimal(3), Decimal(5), Decimal("14.99")),
        )
    ]


@KINDS
@pytest.mark.parametrize(
    ("line", "net"),
    [
        ({"quantity": 3, "price": 5, "discount": 1, "subtotal": "15"}, "15"),
        ({"quantity": 3, "price": 5, "discount": 1}, "14"),
        ({"quantity": 1000, "price": 1000}, "1000000"),
        ({"quantity": 100_000_000_000, "price": 100_000_000_000}, "0"),
        ({"quantity": 3}, "0"),
        ({}, "0"),
    ],
)
def test_net(insert: Action, query: Query, kind: str, line: dict[str, Any], net: str) -> None:
    """A line's net is its subtotal, else quantity x price less the discount."""
    insert(f"{kind}s", id="1", lines=[line])

    assert query(f"select line_net from core.fct_{kind}_line") == [(Decimal(net),)]


@KINDS
def test_no_product(insert: Action, query: Query, kind: str) -> None:
    """A line without a product is listed under (none), one with an unknown product by its id."""
    insert(f"{kind}s", id="1", lines=[{"product_id": None}, {"product_id": "77"}])

    assert query(f"select product_id from core.fct_{kind}_line order by line_number") == [
        ("(none)",),
        ("77",),
    ]


@KINDS
def test_closed_cancelled_and_deleted(insert: Action, query: Query, kind: str) -> None:
    """Lines of a cancelled order are not live, of a closed one not open; a deleted order has
    none."""
    insert(f"{kind}s", id="1", status="Cancelled", lines=[{}])
    insert(f"{kind}s", id="2", status="Closed", lines=[{}])
    insert(f"{kind}s", id="3", lines=[{}], _dlt_valid_to="2026-01-02")
    insert(f"{kind}s", id="4", lines=None)

    assert query(f"select {kind}_id, is_live, is_open from core.fct_{kind}_line order by 1") == [
        ("1", False, False),
        ("2", True, False),
    ]
