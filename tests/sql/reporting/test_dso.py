"""Days sales outstanding."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def add_credit_sale(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds an invoice with a term of 30 days, its total and balance, as of
    30 June."""
    set_as_of("2026-06-30", history_since="2026-06-10 08:00:00-05")
    numbers = iter(range(1, 1000))

    def add_credit_sale(day: str, total: str, balance: str = "0.00", **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "due_date": "2026-07-30", **fields}
        insert("invoices", **row, document_date=day, total=total, balance=balance)

    return add_credit_sale


@pytest.fixture
def months(query_text: Query) -> Query:
    """Return a function that selects columns of each month, oldest first."""

    def months(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select month_end_on, {columns} from reporting.dso order by month_end_on, currency"
        )

    return months


def test_no_documents(query: Query) -> None:
    """A warehouse without documents has no months."""
    assert query("select * from reporting.dso") == []


def test_month(add_credit_sale: Action, months: Query) -> None:
    """900 sold on credit in 90 days, 300 open, 200 of it not due: 30 days, 20 at best."""
    add_credit_sale("2026-06-30", "500.00", "200.00")
    add_credit_sale("2026-05-01", "500.00", "100.00", due_date="2026-06-29")
    add_credit_sale("2026-05-02", "-100.00")

    assert months(
        "currency, is_month_over, measured_on, credit_sales, receivables,"
        " dso, best_possible_dso, average_days_late"
    ) == [
        *[("2026-06-30", "USD", False, "2026-06-30", "900.00", "300.00", "30.00", "20.00", "10.00")]
    ]


@pytest.mark.parametrize(
    ("fields", "sales"),
    [
        ({"due_date": "2026-06-02"}, "190.00"),
        ({"due_date": "2026-06-01"}, "90.00"),  # a cash sale
        ({"due_date": "2026-05-31"}, "90.00"),
        ({"due_date": None}, "90.00"),
        ({"customer_id": None}, "190.00"),  # an unknown customer, but a known due date
        ({"customer_id": "unknown"}, "190.00"),
        ({"total": "-40.00", "due_date": None}, "50.00"),  # a credit note is never a cash sale
        ({"status": None}, "190.00"),
        ({"status": "vOID"}, "90.00"),
        ({"status": "DRAFT"}, "90.00"),
        ({"_dlt_valid_to": "2026-06-15"}, "90.00"),
    ],
)
def test_credit_sales(
    add_credit_sale: Action, months: Query, fields: dict[str, Any], sales: str
) -> None:
    """Cash sales and documents that are not live are not credit sales."""
    add_credit_sale("2026-06-01", "90.00")
    add_credit_sale("2026-06-01", **{"total": "100.00", **fields})

    assert months("credit_sales") == [("2026-06-30", sales)]


@pytest.mark.parametrize(
    ("day", "sales"),
    [
        ("2026-04-01", "0.00"),
        ("2026-04-02", "8.00"),
        ("2026-06-30", "8.00"),
        ("2026-07-01", "0.00"),
        ("0202-02-02", "0.00"),
        ("9999-12-31", "0.00"),
    ],
)
def test_ninety_days(add_credit_sale: Action, months: Query, day: str, sales: str) -> None:
    """The 90 days end on the month end: those of 30 June begin on 2 April."""
    add_credit_sale(day, "8.00", "4.00", due_date="9999-12-31")

    assert months("credit_sales, receivables") == [
        ("2026-06-30", sales if day != "9999-12-31" else "0.00", "4.00")
    ]


def test_no_credit_sales(add_credit_sale: Action, months: Query) -> None:
    """Without positive credit sales the days are null."""
    add_credit_sale("2026-01-01", "50.00", "50.00", due_date="2026-01-31")
    add_credit_sale("2026-06-01", "-8.00", currency="EUR")
    add_credit_sale("2026-06-01", "5.00", "5.00", currency="EUR", due_date="2026-06-01")

    assert months("currency, credit_sales, receivables, dso, average_days_late") == [
        ("2026-06-30", "EUR", "-8.00", "5.00", None, None),
        ("2026-06-30", "USD", "0.00", "50.00", None, None),
    ]


def test_due_today(add_credit_sale: Action, months: Query) -> None:
    """An invoice due on the day itself is not overdue."""
    add_credit_sale("2026-06-01", "90.00", "10.00", due_date="2026-06-30")

    assert months("dso, best_possible_dso, average_days_late") == [
        ("2026-06-30", "10.00", "10.00", "0.00")
    ]


def test_all_late_or_negative(add_credit_sale: Action, months: Query) -> None:
    """If all is overdue, the best is 0; a negative balance makes the days negative."""
    add_credit_sale("2026-06-01", "90.00", "10.00", due_date="2026-06-29")
    add_credit_sale("2026-06-01", "90.00", "-10.00", currency="EUR")

    assert months("currency, dso, best_possible_dso, average_days_late") == [
        ("2026-06-30", "EUR", "-10.00", "-10.00", "0.00"),
        ("2026-06-30", "USD", "10.00", "0.00", "10.00"),
    ]


def test_rounded_days_late(add_credit_sale: Action, months: Query) -> None:
    """The days late are the rounded days less the rounded best ones, so that a row adds up: 22.5045
    less 11.26575."""
    add_credit_sale("2026-06-01", "400.00", "50.07")
    add_credit_sale("2026-01-01", "49.95", "49.95", due_date="2026-01-31")

    assert months("dso, best_possible_dso, average_days_late") == [
        ("2026-06-30", "22.50", "11.27", "11.23")
    ]


def test_balances_at_month_end(add_credit_sale: Action, set_as_of: Action, months: Query) -> None:
    """Each month end has the balances and sales at that time: paid, deleted or made void between
    two month ends."""
    set_as_of("2026-06-30", history_since="2026-04-10 08:00:00-05")
    span = {"_dlt_valid_from": "2026-04-10", "_dlt_valid_to": "2026-05-20"}
    add_credit_sale("2026-04-01", "90.00", "90.00", id="1", **span)
    add_credit_sale("2026-04-01", "90.00", "0.00", id="1", _dlt_valid_from="2026-05-20")
    add_credit_sale(
        "2026-04-01", "90.00", "30.00", id="2", **{**span, "_dlt_valid_to": "2026-06-10"}
    )
    add_credit_sale("2026-04-01", "180.00", "60.00", id="3", **span)
    add_credit_sale(
        "2026-04-01", "180.00", "60.00", id="3", status="Void", _dlt_valid_from="2026-05-20"
    )

    assert months("credit_sales, receivables, dso") == [
        ("2026-04-30", "360.00", "180.00", "45.00"),
        ("2026-05-31", "180.00", "30.00", "15.00"),
    ]


def test_overflow(add_credit_sale: Action, months: Query) -> None:
    """Sums and days that overflow their column are null and break nothing."""
    add_credit_sale("2026-06-01", HUGE, HUGE)
    add_credit_sale("2026-06-01", HUGE, HUGE)
    add_credit_sale("2026-06-01", "0.01", "0.01", currency="EUR")
    add_credit_sale("2026-01-01", HUGE, HUGE, currency="EUR")

    assert months("currency, credit_sales, receivables, dso, best_possible_dso") == [
        ("2026-06-30", "EUR", "0.01", None, None, None),
        ("2026-06-30", "USD", None, None, "90.00", "90.00"),
    ]
