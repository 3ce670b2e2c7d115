"""Cash due and committed, by week."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
FLOWS = "overdue_in, expected_in, committed_out, net_cash, net_cash_to_date"


@pytest.fixture
def add_invoice(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds a receivable with a due date, as of Wednesday, 1 July 2026."""
    set_as_of("2026-07-01")
    numbers = iter(range(1, 1000))

    def add_invoice(due: str | None, balance: str, **fields: Any) -> None:
        row = {
            "id": f"{next(numbers)}",
            "total": "1000.00",
            "document_date": "2026-06-01",
            **fields,
        }
        insert("invoices", **row, balance=balance, due_date=due)

    return add_invoice


@pytest.fixture
def add_order(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds a purchase order with an expected date, as of Wednesday, 1 July
    2026."""
    set_as_of("2026-07-01")
    numbers = iter(range(1, 1000))

    def add_order(expected: str | None, total: str | None, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "status": "Open", "total": total, **fields}
        insert("purchase_orders", **row, expected_date=expected)

    return add_order


@pytest.fixture
def weeks(query_text: Query) -> Query:
    """Return a function that selects columns of each week."""

    def weeks(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select week_on, {columns} from reporting.cash_forecast order by currency, week_on"
        )

    return weeks


def test_no_documents(query: Query) -> None:
    """Without open documents there are no weeks."""
    assert query("select * from reporting.cash_forecast") == []


def test_weeks(add_invoice: Action, add_order: Action, weeks: Query) -> None:
    """Overdue receivables are in the week of the as-of day; those due on that day are expected in
    it; a week runs from Monday to Sunday; the sum to date continues over weeks without rows."""
    add_invoice("2026-06-30", "1.00")
    add_invoice("2025-01-01", "2.00")
    add_invoice("2026-07-01", "4.00")
    add_invoice("2026-07-05", "8.00")
    add_invoice("2026-07-06", "16.00")
    add_invoice("2026-08-30", "32.00")
    add_order("2026-07-05", "100.00")
    add_order("2026-07-12", "200.00")

    assert weeks(FLOWS) == [
        ("2026-06-29", "3.00", "12.00", "100.00", "-85.00", "-85.00"),
        ("2026-07-06", "0.00", "16.00", "200.00", "-184.00", "-269.00"),
        ("2026-08-24", "0.00", "32.00", "0.00", "32.00", "-237.00"),
    ]


@pytest.mark.parametrize("expected", [None, "0202-02-02", "2026-06-28", "2026-06-30", "2026-07-01"])
def test_late_orders(add_order: Action, weeks: Query, expected: str | None) -> None:
    """A late order, or one without a date, may have to be paid this week."""
    add_order(expected, "7.00")

    assert weeks("committed_out") == [("2026-06-29", "7.00")]


@pytest.mark.parametrize(
    ("fields", "out"),
    [
        ({"status": "PARTIALLY RECEIVED"}, "107.00"),  # in full
        ({"status": None}, "107.00"),
        ({"status": "Sent"}, "107.00"),
        ({"total": None, "subtotal": "100.00", "tax_total": "7.00"}, "107.00"),
        ({"total": None, "lines": [{"quantity": 3, "price": "1.50"}]}, "4.50"),
    ],
)
def test_open_orders(add_order: Action, weeks: Query, fields: dict[str, Any], out: str) -> None:
    """An open order costs its total with tax, which is computed from its parts if it is missing."""
    add_order("2026-07-05", **{"total": "107.00", **fields})

    assert weeks("committed_out, net_cash") == [("2026-06-29", out, f"-{out}")]


@pytest.mark.parametrize("status", ["Received", "CLOSED", "cancelled", "Canceled", "Void", "draft"])
def test_closed_orders(add_order: Action, weeks: Query, status: str) -> None:
    """A received, closed or cancelled order costs nothing."""
    add_order("2026-07-05", "5.00", status=status)

    assert weeks("*") == []


def test_not_open(add_invoice: Action, add_order: Action, weeks: Query) -> None:
    """Void, draft, paid and deleted documents bring nothing in and cost nothing."""
    add_invoice("2026-07-05", "5.00", status="VOID")
    add_invoice("2026-07-05", "5.00", status="draft")
    add_invoice("2026-07-05", "0.00")
    add_invoice("2026-07-05", "5.00", _dlt_valid_to="2026-02-01")
    add_order("2026-07-05", "5.00", _dlt_valid_to="2026-02-01")

    assert weeks("*") == []


def test_credits(add_invoice: Action, weeks: Query) -> None:
    """Credit notes reduce what is expected in the week of their due date, by default that of their
    own date."""
    add_invoice("2026-07-08", "100.00")
    add_invoice("2026-07-09", "-30.00", total="-30.00")
    add_invoice(None, "-5.00", total="-5.00")

    assert weeks("overdue_in, expected_in, net_cash_to_date") == [
        ("2026-06-29", "-5.00", "0.00", "-5.00"),
        ("2026-07-06", "0.00", "70.00", "65.00"),
    ]


def test_currencies(add_invoice: Action, add_order: Action, weeks: Query) -> None:
    """Each currency has its own weeks and sums; a missing currency is the tenant's."""
    add_invoice("2026-07-05", "1.00", currency="EUR")
    add_invoice("2026-07-06", "2.00", currency=" usd")
    add_order("2026-07-05", "4.00", currency=None)
    add_order("2026-07-13", "8.00", currency="eur")

    assert weeks(f"currency, {FLOWS}") == [
        ("2026-06-29", "EUR", "0.00", "1.00", "0.00", "1.00", "1.00"),
        ("2026-07-13", "EUR", "0.00", "0.00", "8.00", "-8.00", "-7.00"),
        ("2026-06-29", "USD", "0.00", "0.00", "4.00", "-4.00", "-4.00"),
        ("2026-07-06", "USD", "0.00", "2.00", "0.00", "2.00", "-2.00"),
    ]


def test_distant_weeks(add_invoice: Action, add_order: Action, weeks: Query) -> None:
    """The last possible day has its week, and so have the days around New Year."""
    add_invoice("2027-01-01", "1.00")
    add_invoice("9999-12-31", "2.00")
    add_order("9999-12-31", "4.00")

    assert weeks("expected_in, committed_out") == [
        ("2026-12-28", "1.00", "0.00"),
        ("9999-12-27", "2.00", "4.00"),
    ]


def test_overflow(add_invoice: Action, add_order: Action, weeks: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    add_invoice("2026-07-05", HUGE)
    add_invoice("2026-07-05", "0.01")
    add_order("2026-07-13", HUGE)
    add_order("2026-07-20", HUGE)

    assert weeks(FLOWS) == [
        ("2026-06-29", "0.00", None, "0.00", None, None),
        ("2026-07-13", "0.00", "0.00", HUGE, f"-{HUGE}", "0.01"),
        ("2026-07-20", "0.00", "0.00", HUGE, f"-{HUGE}", "-9999999999999999.98"),
    ]
