"""Customers by the month of their first invoice, and who of them still buys."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def cohorts(query_text: Query, set_as_of: Action) -> Query:
    """Return a function that selects columns of each cohort and month, as of 15 June 2026."""
    set_as_of("2026-06-15")

    def cohorts(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.cohort_retention"
            " order by currency, first_month_on, months_since"
        )

    return cohorts


def test_cohorts(add_invoice: Action, cohorts: Query) -> None:
    """A customer is in the cohort of its first invoice; a month in which nobody of it bought, and
    one that is not over, have rows, too."""
    add_invoice("2026-03-31", "10", customer_id="1")
    add_invoice("2026-03-01", "20", customer_id="2")
    add_invoice("2026-03-02", "-5", total="-5", customer_id="2")
    add_invoice("2026-05-01", "40", customer_id="2")
    add_invoice("2026-05-02", "80", customer_id="2")
    add_invoice("2026-05-02", "7", customer_id="3")
    add_invoice("2026-06-01", "-1", total="-1", customer_id="1")

    assert cohorts("*") == [
        ("USD", True, "2026-03-01", "2026-03-01", 0, 2, 2, "1.000000", "25.00"),
        ("USD", True, "2026-03-01", "2026-04-01", 1, 2, 0, "0.000000", "0.00"),
        ("USD", True, "2026-03-01", "2026-05-01", 2, 2, 1, "0.500000", "120.00"),
        ("USD", False, "2026-03-01", "2026-06-01", 3, 2, 0, "0.000000", "-1.00"),
        ("USD", True, "2026-05-01", "2026-05-01", 0, 1, 1, "1.000000", "7.00"),
        ("USD", False, "2026-05-01", "2026-06-01", 1, 1, 0, "0.000000", "0.00"),
    ]


def test_currencies(add_invoice: Action, cohorts: Query) -> None:
    """A customer that begins to buy in another currency is new in that one; an invoice without a
    customer is in no cohort."""
    add_invoice("2026-05-01", "10", customer_id="1")
    add_invoice("2026-06-01", "20", customer_id="1", currency="EUR")
    add_invoice("2026-06-01", "40", customer_id=None, currency="EUR")

    assert cohorts("currency, first_month_on, months_since, customers, net") == [
        ("EUR", "2026-06-01", 0, 1, "20.00"),
        ("USD", "2026-05-01", 0, 1, "10.00"),
        ("USD", "2026-05-01", 1, 0, "0.00"),
    ]


def test_odd_days(add_invoice: Action, cohorts: Query) -> None:
    """No net is lost: what is dated before the first invoice or after the as-of day is in the
    nearest month, and customers without any invoice have a cohort that counts none."""
    add_invoice("2026-04-30", "-1", total="-1", customer_id="1")
    add_invoice("2026-05-01", "10", customer_id="1")
    add_invoice("0202-05-01", "20", customer_id="1")
    add_invoice("9999-12-31", "40", customer_id="1")
    add_invoice("2026-06-10", "-80", total="-80", customer_id="2")
    add_invoice("2026-07-01", "3", customer_id="3")

    assert cohorts("first_month_on, months_since, cohort_customers, customers, net") == [
        ("2026-05-01", 0, 1, 1, "29.00"),
        ("2026-05-01", 1, 1, 0, "40.00"),
        ("2026-06-01", 0, 0, 0, "-77.00"),
    ]
