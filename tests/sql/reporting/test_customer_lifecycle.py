"""Customers won, kept, won back and lost, month by month."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def stages(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and month, in order."""

    def stages(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.customer_lifecycle order by customer_id, month_on"
        )

    return stages


def test_stages(add_invoice: Action, set_as_of: Action, stages: Query) -> None:
    """Three months without an invoice make a customer lapsed, even over a new year; one in the
    third month does not."""
    set_as_of("2026-06-30")
    for day in ("2025-08-31", "2025-11-01", "2025-11-30", "2026-02-28", "2026-06-01"):
        add_invoice(day, "1", customer_id="7")

    assert stages("*") == [
        ("7", "new", "2025-08-01", None, 1),
        ("7", "returning", "2025-11-01", "2025-08-01", 2),
        ("7", "returning", "2026-02-01", "2025-11-01", 1),
        ("7", "lapsed", "2026-05-01", "2026-02-01", 0),
        ("7", "reactivated", "2026-06-01", "2026-02-01", 1),
    ]


@pytest.mark.parametrize(("day", "lapsed"), [("2026-06-29", []), ("2026-06-30", ["2026-06-01"])])
def test_last_month(
    add_invoice: Action, set_as_of: Action, stages: Query, day: str, lapsed: list[str]
) -> None:
    """A customer does not lapse before the last day of the third month."""
    set_as_of(day)
    add_invoice("2026-03-31", "1", customer_id="7")

    assert stages("lifecycle_stage, month_on") == [
        ("new", "2026-03-01"),
        *(("lapsed", month) for month in lapsed),
    ]


def test_what_is_no_sale(add_invoice: Action, set_as_of: Action, stages: Query) -> None:
    """Credit notes, drafts, void invoices, mistyped years and invoices without a customer do not
    count; currencies and the customer's record make no difference."""
    set_as_of("2026-06-30")
    add_invoice("2026-01-01", "-1", total="-1", customer_id="7")
    add_invoice("2026-01-01", "1", customer_id="7", status="Draft")
    add_invoice("2026-01-01", "1", customer_id="7", status="VOID")
    add_invoice("0202-06-01", "1", customer_id="7")
    add_invoice("9999-12-31", "1", customer_id="7")
    add_invoice("2026-07-01", "1", customer_id="7")
    add_invoice("2026-06-01", "1", customer_id=None)
    add_invoice("2026-05-01", "0", customer_id="7", currency="EUR", status=None)
    add_invoice("2026-06-01", "1", customer_id="7", status="odd")

    assert stages("customer_id, lifecycle_stage, month_on") == [
        ("7", "new", "2026-05-01"),
        ("7", "returning", "2026-06-01"),
    ]
