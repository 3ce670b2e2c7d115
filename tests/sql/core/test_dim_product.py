"""Products, including deleted and unknown ones."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def instant(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def test_product(insert: Action, query: Query) -> None:
    """The latest version of a product is shown, with prices to six decimals."""
    insert("products", id="1", code="P1", name="Old", _dlt_valid_to="2026-01-02")
    insert(
        "products",
        id="1",
        code="P1",
        name="=1+1",
        tax_code=" itbms7 ",
        price="1.234567",
        cost="0.000001",
        _dlt_valid_from="2026-01-02",
    )

    assert query(
        "select product_id, product_code, product_name, tax_code, list_price, unit_cost,"
        " first_seen_at, last_changed_at, is_active, is_deleted, is_known from core.dim_product"
    ) == [
        (
            *("1", "P1", "=1+1", "ITBMS7", Decimal("1.234567"), Decimal("0.000001")),
            *(instant(1), instant(2), True, False, True),
        )
    ]


def test_deleted_and_restored(insert: Action, query: Query) -> None:
    """A deleted product is not active; a restored one is neither deleted nor new."""
    insert("products", id="1", _dlt_valid_to="2026-01-03")
    insert("products", id="2", _dlt_valid_to="2026-01-03")
    insert("products", id="2", _dlt_valid_from="2026-01-05")

    assert query(
        "select product_id, is_deleted, is_active, first_seen_at, last_changed_at"
        " from core.dim_product order by all"
    ) == [("1", True, False, instant(1), instant(3)), ("2", False, True, instant(1), instant(5))]


@pytest.mark.parametrize(
    ("status", "is_active"), [("Active", True), (None, True), ("Discontinued", False)]
)
def test_active(insert: Action, query: Query, status: str | None, is_active: bool) -> None:
    """A product is active if its status says so, in any case, or is missing."""
    insert("products", id="1", status=status)

    assert query("select is_active from core.dim_product") == [(is_active,)]


@pytest.mark.parametrize("table", ["invoices", "sales_orders", "purchase_orders"])
@pytest.mark.parametrize("status", ["Posted", "Void", "Cancelled"])
def test_unknown(insert: Action, query: Query, table: str, status: str) -> None:
    """A product that occurs only in lines is unknown, even on documents that do not count."""
    insert("products", id="1", name="Known")
    insert(
        table,
        id="1",
        status=status,
        lines=[{"product_id": 1}, {"product_id": 7}, {"product_id": None}, {"product_id": 7}],
    )

    assert query(
        "select product_id, product_name, is_active, is_deleted, is_known"
        " from core.dim_product order by all"
    ) == [
        ("(none)", "(none)", False, False, False),
        ("1", "Known", True, False, True),
        ("7", "(unknown 7)", False, False, False),
    ]
