"""Sales by day, month to date and year to date."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def days(query_text: Query) -> Query:
    """Return a function that selects columns of each day, oldest first."""

    def days(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select day_on, {columns} from reporting.sales_daily order by day_on, currency"
        )

    return days


def test_no_sales(query: Query) -> None:
    """A warehouse without documents has no days."""
    assert query("select * from reporting.sales_daily") == []


def test_day(add_invoice: Action, days: Query) -> None:
    """A day has its live documents, its customers and its sums; a credit note is subtracted."""
    add_invoice("2026-01-31", "100.00", tax_total="7.00", customer_id="1")
    add_invoice("2026-01-31", "-49.99", tax_total="-3.50", customer_id="1")
    add_invoice("2026-01-31", "0.00", customer_id=None)
    add_invoice("2026-01-31", "77.00", status="Void")
    add_invoice("2026-01-31", "77.00", status="draft")
    add_invoice("2026-01-31", "77.00", _dlt_valid_to="2026-02-01")

    assert days("month_on, currency, documents, customers, net, tax, average_net") == [
        ("2026-01-31", "2026-01-01", "USD", 3, 1, "50.01", "3.50", "16.67")
    ]


def test_to_date(add_invoice: Action, days: Query) -> None:
    """The month starts again on the first, the year on 1 January, for each currency."""
    add_invoice("2025-12-31", "1.00")
    add_invoice("2026-01-01", "2.00")
    add_invoice("2026-01-31", "4.00")
    add_invoice("2026-01-31", "50.00", currency="EUR")
    add_invoice("2026-02-01", "-8.00")

    assert days("currency, net_month_to_date, net_year_to_date") == [
        ("2025-12-31", "USD", "1.00", "1.00"),
        ("2026-01-01", "USD", "2.00", "2.00"),
        ("2026-01-31", "EUR", "50.00", "50.00"),
        ("2026-01-31", "USD", "6.00", "6.00"),
        ("2026-02-01", "USD", "-8.00", "-2.00"),
    ]


def test_last_year(add_invoice: Action, days: Query) -> None:
    """A day is compared with the same day of last year, the month to date with the same days, even
    if nothing was sold on that very day."""
    add_invoice("2025-05-31", "1000.00")
    add_invoice("2025-06-10", "10.00")
    add_invoice("2025-06-20", "40.00")
    add_invoice("2025-06-20", "7.00", currency="EUR")
    add_invoice("2026-06-09", "1.00")
    add_invoice("2026-06-10", "14.00")
    add_invoice("2026-06-19", "5.00")
    add_invoice("2026-06-20", "5.00")

    assert days("net_last_year, net_month_to_date_last_year, growth")[4:] == [
        ("2026-06-09", "0.00", "0.00", None),
        ("2026-06-10", "10.00", "10.00", "0.500000"),
        ("2026-06-19", "0.00", "10.00", "1.000000"),
        ("2026-06-20", "40.00", "50.00", "-0.500000"),
    ]


def test_no_sales_last_year(add_invoice: Action, days: Query) -> None:
    """Sales of an earlier month, year or currency do not count for the same days of last year."""
    add_invoice("2024-06-10", "1.00")
    add_invoice("2025-05-31", "2.00")
    add_invoice("2025-06-10", "4.00", currency="EUR")
    add_invoice("2026-06-10", "8.00")

    assert days("net_last_year, net_month_to_date_last_year, growth")[-1] == (
        *("2026-06-10", "0.00", "0.00", None),
    )


def test_leap_day(add_invoice: Action, days: Query) -> None:
    """29 February has no same day of last year, but its month to date has the whole February; a
    year later 28 February is compared up to 28 February."""
    add_invoice("2023-02-28", "4.00")
    add_invoice("2024-02-28", "5.00")
    add_invoice("2024-02-29", "1.00")
    add_invoice("2025-02-28", "10.00")

    assert days("net_last_year, net_month_to_date_last_year, growth") == [
        ("2023-02-28", "0.00", "0.00", None),
        ("2024-02-28", "4.00", "4.00", "0.250000"),
        ("2024-02-29", "0.00", "4.00", "0.500000"),
        ("2025-02-28", "5.00", "5.00", "1.000000"),
    ]


def test_negative_sales_last_year(add_invoice: Action, days: Query) -> None:
    """Growth is null if last year's sales were negative."""
    add_invoice("2025-06-10", "-10.00")
    add_invoice("2026-06-10", "5.00")

    assert days("net_month_to_date_last_year, growth")[-1] == ("2026-06-10", "-10.00", None)


def test_mistyped_years(add_invoice: Action, days: Query) -> None:
    """Documents of the years 202 and 9999 are on days of their own and are not lost."""
    add_invoice("0202-02-02", "1.00")
    add_invoice("9999-12-31", "2.00")

    assert days("net_year_to_date") == [("0202-02-02", "1.00"), ("9999-12-31", "2.00")]


def test_no_day(add_invoice: Action, days: Query) -> None:
    """A document without any date belongs to the day on which it was first seen in Panama."""
    add_invoice(None, "1.00", _dlt_valid_from="2026-01-01 04:59:59+00", _dlt_valid_to="2026-01-02")
    add_invoice(None, "2.00", id="1", _dlt_valid_from="2026-01-02")

    assert days("net") == [("2025-12-31", "2.00")]


def test_overflow(add_invoice: Action, days: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    add_invoice("2026-01-01", "9999999999999999.99")
    add_invoice("2026-01-02", "9999999999999999.99")

    assert days("net_month_to_date") == [
        ("2026-01-01", "9999999999999999.99"),
        ("2026-01-02", None),
    ]
