"""Which products are on purchase orders?"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


def test_a_line(give: Give, as_of: Give, ask: Ask) -> None:
    """A line has its order's party, words and days, and its own product and amounts."""
    as_of("2026-06-30")
    line = {"line_number": 4, "product_id": 9, "description": "😀", "quantity": 3, "price": 5}
    told = {"id": "1", "vendor_id": "7", "status": "Open", "currency": "eur"}
    days = {"document_date": "2026-06-01", "expected_date": "2026-06-20"}
    give("purchase_orders", **told, **days, lines=[{**line, "subtotal": "14.99"}])

    assert ask(
        "select purchase_order_id, line_number, vendor_id, product_id, purchase_order_status,"
        " line_description, currency, is_live, is_open, document_on, expected_on, days_late,"
        " quantity, unit_price, line_net from core.fct_purchase_order_line"
    ) == [
        (
            *("1", 4, "7", "9", "Open", "😀", "EUR", True, True),
            *(date(2026, 6, 1), date(2026, 6, 20), 10),
            *(Decimal(3), Decimal(5), Decimal("14.99")),
        )
    ]


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
def test_net(give: Give, ask: Ask, line: dict[str, Any], net: str) -> None:
    """A line's net is the one it names, else quantity x price less the discount."""
    give("purchase_orders", id="1", lines=[line])

    assert ask("select line_net from core.fct_purchase_order_line") == [(Decimal(net),)]


def test_no_product(give: Give, ask: Ask) -> None:
    """A line without a product stands under (none), one of an unknown under its id."""
    give("purchase_orders", id="1", lines=[{"product_id": None}, {"product_id": "77"}])

    assert ask("select product_id from core.fct_purchase_order_line order by line_number") == [
        ("(none)",),
        ("77",),
    ]


def test_closed_cancelled_and_gone(give: Give, ask: Ask) -> None:
    """Lines of cancelled orders are not live, of done ones not open; of gone ones there is none."""
    give("purchase_orders", id="1", status="Cancelled", lines=[{}])
    give("purchase_orders", id="2", status="Closed", lines=[{}])
    give("purchase_orders", id="3", lines=[{}], _dlt_valid_to="2026-01-02")
    give("purchase_orders", id="4", lines=None)

    assert ask(
        "select purchase_order_id, is_live, is_open from core.fct_purchase_order_line order by 1"
    ) == [("1", False, False), ("2", True, False)]
