"""Receivables by age at each month end."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
SINCE = {"history_since": "2026-01-10 08:00:00-05"}


@pytest.fixture
def add_version(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds a version of an invoice of customer 7, as of 15 April."""
    set_as_of("2026-04-15", **SINCE)

    def add_version(since: str, until: str | None, balance: str, **fields: Any) -> None:
        row = {"id": "1", "customer_id": "7", "total": "100.00", "due_date": "2026-01-31", **fields}
        insert("invoices", **row, balance=balance, _dlt_valid_from=since, _dlt_valid_to=until)

    return add_version


@pytest.fixture
def history(query_text: Query) -> Query:
    """Return a function that selects columns of each month, oldest first."""

    def history(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select month_end_on, {columns} from reporting.ar_aging_history"
            " order by month_end_on, customer_id, currency"
        )

    return history


def test_no_balance(insert: Action, set_as_of: Action, query: Query) -> None:
    """A month end without open invoices has no row."""
    set_as_of("2026-04-15")
    insert("invoices", id="1", total="9.00", balance="0.00")

    assert query("select * from reporting.ar_aging_history") == []


def test_open_for_months(insert: Action, add_version: Action, history: Query) -> None:
    """An open invoice moves from bucket to bucket, from the month in which history starts to the
    current one, at its latest day."""
    insert("customers", id="7", code="C7", name="Buyer", _dlt_valid_from="2026-01-10")
    add_version("2026-01-10", None, "40.00")

    assert history("measured_on, is_month_over, documents, oldest_due_on, customer_name") == [
        ("2026-01-31", "2026-01-31", True, 1, "2026-01-31", "Buyer"),
        ("2026-02-28", "2026-02-28", True, 1, "2026-01-31", "Buyer"),
        ("2026-03-31", "2026-03-31", True, 1, "2026-01-31", "Buyer"),
        ("2026-04-30", "2026-04-15", False, 1, "2026-01-31", "Buyer"),
    ]
    assert history("current_balance, days_1_30, days_31_60, days_61_90, overdue, balance") == [
        ("2026-01-31", "40.00", "0.00", "0.00", "0.00", "0.00", "40.00"),
        ("2026-02-28", "0.00", "40.00", "0.00", "0.00", "40.00", "40.00"),
        ("2026-03-31", "0.00", "0.00", "40.00", "0.00", "40.00", "40.00"),
        ("2026-04-30", "0.00", "0.00", "0.00", "40.00", "40.00", "40.00"),
    ]


@pytest.mark.parametrize(
    ("due", "place"),
    [
        ("2026-03-01", 0),
        ("2026-02-28", 0),
        ("2026-02-27", 1),
        ("2026-01-29", 1),
        ("2026-01-28", 2),
        ("2025-12-30", 2),
        ("2025-12-29", 3),
        ("2025-11-30", 3),
        ("2025-11-29", 4),
        ("0202-02-02", 4),
        ("9999-12-31", 0),
    ],
)
def test_bucket_limits(add_version: Action, history: Query, due: str, place: int) -> None:
    """At the end of February each bucket has its first and its last day."""
    add_version("2026-02-02", "2026-03-02", "1.00", due_date=due)

    buckets = ["1.00" if each == place else "0.00" for each in range(5)]
    assert history("current_balance, days_1_30, days_31_60, days_61_90, days_over_90") == [
        ("2026-02-28", *buckets)
    ]


@pytest.mark.parametrize(
    ("since", "until", "months"),
    [
        # created in the last second of January in Panama, or a moment later
        ("2026-02-01 04:59:59.9+00", "2026-02-02", ["2026-01-31"]),
        ("2026-02-01 05:00:00+00", "2026-02-02", []),
        # deleted in the last second, or a moment later
        ("2026-01-10", "2026-02-01 04:59:59.9+00", []),
        ("2026-01-10", "2026-02-01 05:00:00+00", ["2026-01-31"]),
        # created and deleted between two month ends
        ("2026-02-05", "2026-02-20", []),
    ],
)
def test_last_moment_of_a_month(
    add_version: Action, history: Query, since: str, until: str, months: list[str]
) -> None:
    """Exactly the versions valid at the last moment of a month in Panama count at its end."""
    add_version(since, until, "1.00")

    assert history("balance") == [(month, "1.00") for month in months]


def test_paid_and_reopened(add_version: Action, history: Query) -> None:
    """Each month end has the balance at that time: partly paid, paid, reopened."""
    add_version("2026-01-10", "2026-02-10", "100.00")
    add_version("2026-02-10", "2026-03-05", "60.00", status="PartiallyPaid")
    add_version("2026-03-05", "2026-04-01 12:00:00+00", "0.00", status="Paid")
    add_version("2026-04-01 12:00:00+00", None, "-5.00", status="Posted")

    assert history("balance, share_overdue") == [
        ("2026-01-31", "100.00", "0.000000"),
        ("2026-02-28", "60.00", "1.000000"),
        ("2026-04-30", "-5.00", None),
    ]


def test_void_draft_deleted_and_restored(add_version: Action, history: Query) -> None:
    """A draft does not count until it is posted; a void invoice does not count; a deleted one does
    not until it is restored."""
    add_version("2026-01-10", "2026-02-10", "1.00", status="DRAFT")
    add_version("2026-02-10", "2026-03-10", "2.00", status="Posted")
    add_version("2026-03-10", None, "4.00", status="Void")
    add_version("2026-01-10", "2026-02-10", "10.00", id="2")
    add_version("2026-03-10", None, "20.00", id="2")

    assert history("documents, balance") == [
        ("2026-01-31", 1, "10.00"),
        ("2026-02-28", 1, "2.00"),
        ("2026-03-31", 1, "20.00"),
        ("2026-04-30", 1, "20.00"),
    ]


def test_currencies_and_missing_customers(add_version: Action, history: Query) -> None:
    """Currencies are never added up; a missing or unknown customer has a name of its own."""
    add_version("2026-04-02", None, "1.00", currency="eur")
    add_version("2026-04-02", None, "2.00", currency=None, id="2")
    add_version("2026-04-02", None, "4.00", customer_id=None, id="3")

    assert history("customer_name, currency, balance, is_over_limit") == [
        ("2026-04-30", "(none)", "USD", "4.00", False),
        ("2026-04-30", "(unknown 7)", "EUR", "1.00", False),
        ("2026-04-30", "(unknown 7)", "USD", "2.00", False),
    ]


def test_limit_at_month_end(insert: Action, add_version: Action, history: Query) -> None:
    """The credit limit is the one at that month end; after a deletion the last one applies."""
    for since, until, limit in (
        ("2026-01-10", "2026-02-10", "50.00"),
        ("2026-02-10", "2026-03-10", "40.00"),
    ):
        fields = {"credit_limit": limit, "_dlt_valid_from": since, "_dlt_valid_to": until}
        insert("customers", id="7", **fields)
    add_version("2026-01-10", None, "45.00")

    assert history("credit_limit, is_over_limit") == [
        ("2026-01-31", "50.00", False),
        ("2026-02-28", "40.00", True),
        ("2026-03-31", "40.00", True),
        ("2026-04-30", "40.00", True),
    ]


def test_currency_of_the_limit(insert: Action, add_version: Action, history: Query) -> None:
    """A limit that was in euros at that month end does not apply to dollars, nor one in dollars to
    euros."""
    for since, until, currency in (
        ("2026-01-10", "2026-02-10", "EUR"),
        ("2026-02-10", None, None),
    ):
        fields = {"currency": currency, "_dlt_valid_from": since, "_dlt_valid_to": until}
        insert("customers", id="7", credit_limit="10.00", **fields)
    add_version("2026-01-10", "2026-03-02", "11.00")
    add_version("2026-01-10", "2026-03-02", "12.00", id="2", currency="EUR")

    assert history("currency, credit_limit, is_over_limit") == [
        ("2026-01-31", "EUR", "10.00", True),
        ("2026-01-31", "USD", None, False),
        ("2026-02-28", "EUR", None, False),
        ("2026-02-28", "USD", "10.00", True),
    ]


def test_overflow(add_version: Action, history: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    add_version("2026-04-02", None, HUGE)
    add_version("2026-04-02", None, HUGE, id="2")

    assert history("documents, days_61_90, balance") == [("2026-04-30", 2, None, None)]
