"""Payment behaviour of customers."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_version(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds a version of an invoice of 1 January, due on the 31st, with a
    status."""
    set_as_of("2026-06-30")

    def add_version(status: str | None, since: str, until: str | None, **fields: Any) -> None:
        row = {"id": "1", "customer_id": "7", "total": "107.00", **fields}
        days = {"document_date": "2026-01-01", "due_date": "2026-01-31"}
        valid = {"_dlt_valid_from": since, "_dlt_valid_to": until}
        insert("invoices", **{**days, **row, **valid}, status=status)

    return add_version


@pytest.fixture
def add_paid_invoice(add_version: Action) -> Action:
    """Return a function that adds an invoice whose status became Paid at a given time."""

    def add_paid_invoice(at: str, **fields: Any) -> None:
        add_version("Posted", "2026-01-01", at, **fields)
        add_version("Paid", at, None, **fields)

    return add_paid_invoice


@pytest.fixture
def behaviour(query_text: Query) -> Query:
    """Return a function that selects columns of each customer."""

    def behaviour(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.payment_behaviour order by customer_id")

    return behaviour


def test_no_documents(query: Query) -> None:
    """Without documents there are no rows."""
    assert query("select * from reporting.payment_behaviour") == []


def test_customer(insert: Action, add_paid_invoice: Action, behaviour: Query) -> None:
    """Invoices paid 5 days early, on the due day, and 10 days late."""
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
def test_last_second_of_the_due_day(
    add_paid_invoice: Action, behaviour: Query, at: str, days: str, late: int
) -> None:
    """Payment in the last second of the due day in Panama is on time; a moment later it is late."""
    add_paid_invoice(at)

    assert behaviour("average_days_to_pay, paid_late") == [(days, late)]


def test_reopened_and_paid_again(add_version: Action, behaviour: Query) -> None:
    """An invoice that was paid, reopened and paid again counts once, with the last payment; a
    change of a paid invoice is not a payment."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15")
    add_version("Posted", "2026-01-15", "2026-02-05 12:00:00-05")
    add_version("PAID", "2026-02-05 12:00:00-05", "2026-03-01")
    add_version("Paid", "2026-03-01", None)

    assert behaviour("paid_invoices, average_days_to_pay, average_days_late") == [
        (1, "35.00", "5.00")
    ]


def test_reopened(add_version: Action, behaviour: Query) -> None:
    """An invoice that was paid and reopened is not paid."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15")
    add_version("Posted", "2026-01-15", None)

    assert behaviour("*") == []


def test_paid_when_first_seen(add_version: Action, behaviour: Query) -> None:
    """An invoice that was Paid when first seen does not count, whatever happened since."""
    add_version("Paid", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-01-11", "2026-01-15", total="108.00")
    add_version("Paid", "2026-01-20", None)

    assert behaviour("*") == []


def test_missing_status(add_version: Action, behaviour: Query) -> None:
    """An invoice without a status was not paid, so a later Paid is a payment."""
    add_version(None, "2026-01-02", "2026-01-11 12:00:00-05")
    add_version("paid", "2026-01-11 12:00:00-05", None)

    assert behaviour("average_days_to_pay") == [("10.00",)]


def test_not_counted(add_paid_invoice: Action, add_version: Action, behaviour: Query) -> None:
    """Credit notes, counter sales and invoices that were deleted or made void do not count."""
    add_paid_invoice("2026-02-10", id="1", total="-107.00")
    add_paid_invoice("2026-02-10", id="2", customer_id=None)
    add_version("Posted", "2026-01-01", "2026-02-10", id="3")
    add_version("Paid", "2026-02-10", "2026-03-10", id="3")
    add_version("Posted", "2026-01-01", "2026-02-10", id="4")
    add_version("Paid", "2026-02-10", "2026-03-10", id="4")
    add_version("Void", "2026-03-10", None, id="4")

    assert behaviour("*") == []


def test_restored_as_paid(add_version: Action, behaviour: Query) -> None:
    """An open invoice that was deleted and restored as Paid was paid on the day of its
    restoration."""
    add_version("Posted", "2026-01-02", "2026-01-11")
    add_version("Paid", "2026-02-01 12:00:00-05", None)

    assert behaviour("average_days_to_pay") == [("31.00",)]


def test_missing_days(add_paid_invoice: Action, behaviour: Query) -> None:
    """Without a due date an invoice was due on its own date; without any, on the day it was first
    seen."""
    add_paid_invoice("2026-01-11 12:00:00-05", id="1", due_date=None)
    add_paid_invoice(
        "2026-01-11 12:00:00-05", id="2", customer_id="8", due_date=None, document_date=None
    )

    assert behaviour("customer_id, customer_name, average_days_to_pay, average_days_late") == [
        ("7", "(unknown 7)", "10.00", "10.00"),
        ("8", "(unknown 8)", "11.00", "11.00"),  # first seen on 31 December in Panama
    ]


def test_extreme_years(add_paid_invoice: Action, behaviour: Query) -> None:
    """An invoice of the year 202 or 9999 counts like any other and breaks nothing."""
    add_paid_invoice(
        "2026-01-11 12:00:00-05", id="1", document_date="0202-02-02", due_date="0202-02-02"
    )
    add_paid_invoice("2026-01-11 12:00:00-05", id="2", customer_id="8", due_date="9999-12-31")

    assert behaviour("paid_late, average_days_late") == [(1, "666181.00"), (0, "-2912432.00")]
