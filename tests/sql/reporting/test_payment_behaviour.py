"""Payment behaviour of customers."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_version(insert: Action, set_as_of: Action) -> Action:
    """Give a version of an invoice of 1 January, due on the 31st, its status from an instant on."""
    set_as_of("2026-06-30")

    def add_version(status: str | None, since: str, until: str | None, **fields: Any) -> None:
        row = {"id": "1", "customer_id": "7", "total": "107.00", **fields}
        days = {"document_date": "2026-01-01", "due_date": "2026-01-31"}
        valid = {"_dlt_valid_from": since, "_dlt_valid_to": until}
        insert("invoices", **{**days, **row, **valid}, status=status)

    return add_version


@pytest.fixture
def add_paid_invoice(add_version: Action) -> Action:
    """Give an invoice that was seen turning Paid at an instant."""

    def add_paid_invoice(at: str, **fields: Any) -> None:
        add_version("Posted", "2026-01-01", at, **fields)
        add_version("Paid", at, None, **fields)

    return add_paid_invoice


@pytest.fixture
def behaviour(query_text: Query) -> Query:
    """Ask for columns of each customer."""

    def behaviour(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.payment_behaviour order by customer_id")

    return behaviour


def test_nothing(query: Query) -> None:
    """Without documents there is no behaviour."""
    assert query("select * from reporting.payment_behaviour") == []


def test_a_customer(insert: Action, add_paid_invoice: Action, behaviour: Query) -> None:
    """Paid 5 days early, on the due day, and 10 days late."""
    insert("customers", id="7", code="C7", name="Buyer", payment_terms="Net 30")
    add_paid_invoice("2026-01-26 12:00:00-05", id="1")
    add_paid_invoice("2026-01-31 12:00:00-05", id="2")
    add_paid_invoice("2026-02-10 12:00:00-05", id="3")

    assert behaviour("*") == [
        ("7", "C7", "Buyer", "Net 30", "2026-01-01 00:00:00+00:00", 3, 1, "31.67", "1.67")
    ]


@pytest.mark.parametrize(
    ("at", "days", "late"),
    [("2026-02-01 04:59:59.9+00", "30.00", 0), ("2026-02-01 05:00:00+00", "31.00", 1)],
)
def test_the_edge_of_a_day(
    add_paid_invoice: Action, behaviour: Query, at: str, days: str, late: int
) -> None:
    """Paid in the last second of the due day in Panama is in time; a moment later it is late."""
    add_paid_invoice(at)

    assert behaviour("average_days_to_pay, paid_late") == [(days, late)]


def test_opened_and_paid_again(add_version: Action, behaviour: Query) -> None:
    """Of one that was paid, opened and paid again the last time counts, and once; that a paid one
    changed is no payment."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15")
    add_version("Posted", "2026-01-15", "2026-02-05 12:00:00-05")
    add_version("PAID", "2026-02-05 12:00:00-05", "2026-03-01")
    add_version("Paid", "2026-03-01", None)

    assert behaviour("paid_invoices, average_days_to_pay, average_days_late") == [
        (1, "35.00", "5.00")
    ]


def test_opened_again(add_version: Action, behaviour: Query) -> None:
    """One that was paid and is open again is not paid."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15")
    add_version("Posted", "2026-01-15", None)

    assert behaviour("*") == []


def test_not_seen_turning(add_version: Action, behaviour: Query) -> None:
    """An invoice that was Paid when first seen does not count, whatever happened since."""
    add_version("Paid", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15", total="108.00")
    add_version("Paid", "2026-01-20", None)

    assert behaviour("*") == []


def test_missing_status(add_version: Action, behaviour: Query) -> None:
    """One without a status was not paid, so that it was seen turning Paid."""
    add_version(None, "2026-01-02", "2026-01-11 12:00:00-05")
    add_version("paid", "2026-01-11 12:00:00-05", None)

    assert behaviour("average_days_to_pay") == [("10.00",)]


def test_not_counted(add_paid_invoice: Action, add_version: Action, behaviour: Query) -> None:
    """Credit notes, counter sales, and what is gone or void since say nothing of a customer."""
    add_paid_invoice("2026-02-10", id="1", total="-107.00")
    add_paid_invoice("2026-02-10", id="2", customer_id=None)
    add_version("Posted", "2026-01-01", "2026-02-10", id="3")
    add_version("Paid", "2026-02-10", "2026-03-10", id="3")
    add_version("Posted", "2026-01-01", "2026-02-10", id="4")
    add_version("Paid", "2026-02-10", "2026-03-10", id="4")
    add_version("Void", "2026-03-10", None, id="4")

    assert behaviour("*") == []


def test_deleted_and_back_as_paid(add_version: Action, behaviour: Query) -> None:
    """One that was open when it went and came back Paid turned Paid on the day it was back."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-02-01 12:00:00-05", None)

    assert behaviour("average_days_to_pay") == [("31.00",)]


def test_days_that_are_missing(add_paid_invoice: Action, behaviour: Query) -> None:
    """Without a due date it was due on its own day; without any, on the day it was first seen."""
    add_paid_invoice("2026-01-11 12:00:00-05", id="1", due_date=None)
    add_paid_invoice(
        "2026-01-11 12:00:00-05", id="2", customer_id="8", due_date=None, document_date=None
    )

    assert behaviour("customer_id, customer_name, average_days_to_pay, average_days_late") == [
        ("7", "(unknown 7)", "10.00", "10.00"),
        ("8", "(unknown 8)", "11.00", "11.00"),  # seen on 31 December in Panama
    ]


def test_days_at_the_edge(add_paid_invoice: Action, behaviour: Query) -> None:
    """An invoice of the year 202 or 9999 is counted as it is, and stops nothing."""
    add_paid_invoice(
        "2026-01-11 12:00:00-05", id="1", document_date="0202-02-02", due_date="0202-02-02"
    )
    add_paid_invoice("2026-01-11 12:00:00-05", id="2", customer_id="8", due_date="9999-12-31")

    assert behaviour("paid_late, average_days_late") == [(1, "666181.00"), (0, "-2912432.00")]
