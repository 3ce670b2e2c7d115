"""Lines of all documents: sold, demanded, on order."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

KINDS = {"invoices": "sold", "sales_orders": "demanded", "purchase_orders": "on order"}


@pytest.mark.parametrize(("table", "direction"), KINDS.items())
def test_line(insert: Action, query: Query, table: str, direction: str) -> None:
    """A line of each kind of document is a row with its own direction."""
    line = {"product_id": 9, "quantity": 2, "price": 5, "subtotal": "10"}
    fields = {"id": "1", "document_date": "2026-02-28", "currency": "eur", "subtotal": 10}
    insert(table, **fields, lines=[line])

    assert query(
        "select direction, document_id, line_number, product_id, currency, is_open, document_on,"
        " quantity, unit_price, line_net from core.fct_item_activity"
    ) == [
        (
            *(direction, "1", 1, "9", "EUR", table != "invoices", date(2026, 2, 28)),
            *(Decimal(2), Decimal(5), Decimal(10)),
        )
    ]


def test_same_id(insert: Action, query: Query) -> None:
    """An invoice and two orders with the same id are three documents."""
    for table in KINDS:
        insert(table, id="1", subtotal=1, lines=[{"subtotal": 1}])

    assert query("select count(*), count(distinct direction) from core.fct_item_activity") == [
        (3, 3)
    ]


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("status", ["Void", "draft"])
def test_not_live(insert: Action, query: Query, table: str, status: str) -> None:
    """Drafts and void documents are not activity."""
    insert(table, id="1", status=status, subtotal=1, lines=[{"subtotal": 1}])

    assert query("select * from core.fct_item_activity") == []


def test_header_exceeds_lines(insert: Action, query: Query) -> None:
    """An invoice header's excess over its lines is sold, without product and quantity."""
    insert(
        "invoices", id="1", subtotal=30, lines=[{"product_id": 9, "quantity": 1, "subtotal": 10}]
    )

    assert query(
        "select line_number, product_id, quantity, line_net from core.fct_item_activity order by 1"
    ) == [(0, "(none)", None, Decimal(20)), (1, "9", Decimal(1), Decimal(10))]
