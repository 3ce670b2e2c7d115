"""Current versions of invoices."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def test_current_versions(insert: Action, query: Query) -> None:
    """Only the latest version of an invoice counts; a deleted invoice does not, a restored one
    does."""
    insert("invoices", id="1", total=1, _dlt_valid_to="2026-01-02")
    insert("invoices", id="1", total=2, _dlt_valid_from="2026-01-02")
    insert("invoices", id="2", total=3, _dlt_valid_to="2026-01-02")
    insert("invoices", id="3", total=4, _dlt_valid_to="2026-01-02")
    insert("invoices", id="3", total=5, _dlt_valid_from="2026-01-04")

    rows = query(
        "select invoice_id, invoice_total, first_seen_at, last_changed_at from core.fct_invoice"
        " order by invoice_id"
    )

    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 4)]
    assert rows == [
        ("1", Decimal(2), days[0], days[1]),
        ("3", Decimal(5), days[0], days[2]),
    ]


def test_every_status(insert: Action, query: Query) -> None:
    """Drafts, void invoices and credit notes are included, with their amounts."""
    insert("invoices", id="1", status="Draft", total=1)
    insert("invoices", id="2", status="Void", total=2)
    insert("invoices", id="3", status="Posted", total=-3)

    assert query(
        "select invoice_id, invoice_total, is_live, is_credit_note from core.fct_invoice order by 1"
    ) == [
        ("1", Decimal(1), False, False),
        ("2", Decimal(2), False, False),
        ("3", Decimal(-3), True, True),
    ]


@pytest.mark.parametrize(
    ("due", "days", "bucket"),
    [
        ("2026-07-01", 0, "current"),
        ("2026-06-30", 0, "current"),
        ("2026-06-29", 1, "1-30"),
        ("2026-05-31", 30, "1-30"),
        ("2026-05-30", 31, "31-60"),
        ("2026-05-01", 60, "31-60"),
        ("2026-04-30", 61, "61-90"),
        ("2026-04-01", 90, "61-90"),
        ("2026-03-31", 91, "90+"),
        ("0202-02-02", 666351, "90+"),
        ("9999-12-31", 0, "current"),
        (None, 20, "1-30"),
    ],
)
def test_aging(
    insert: Action, set_as_of: Action, query: Query, due: str | None, days: int, bucket: str
) -> None:
    """An open invoice is overdue by the days from its due date to the as-of day, in five
    buckets."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", total=107, document_date="2026-06-10", due_date=due)

    assert query("select days_overdue, aging_bucket from core.fct_invoice") == [(days, bucket)]


@pytest.mark.parametrize("fields", [{"status": "Void"}, {"status": "Draft"}, {"balance": 0}])
def test_not_open(insert: Action, set_as_of: Action, query: Query, fields: dict[str, Any]) -> None:
    """An invoice that is not open is not overdue and has no bucket."""
    set_as_of("2026-06-30")
    insert("invoices", **{"id": "1", "total": 107, "due_date": "2026-01-01", **fields})

    assert query("select is_open, days_overdue, aging_bucket from core.fct_invoice") == [
        (False, None, None)
    ]


def test_text_and_days(insert: Action, query: Query) -> None:
    """Codes, status and days are kept as P4 Books returns them."""
    insert(
        "invoices",
        id="1",
        code="=HYPERLINK('x')",
        status="Partially paid",
        sales_order_id="9",
        document_date="2024-02-29",
        posting_date="2026-02-28",
    )

    assert query(
        "select invoice_code, invoice_status, sales_order_id, document_on, posted_on"
        " from core.fct_invoice"
    ) == [("=HYPERLINK('x')", "Partially paid", "9", date(2024, 2, 29), date(2026, 2, 28))]
