"""Customers with an overdue balance, in order of urgency."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def add_invoice(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds an invoice of customer 7 with a due date, as of 30 June 2026."""
    set_as_of("2026-06-30")
    numbers = iter(range(1, 1000))

    def add_invoice(due: str, balance: str, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "total": "1000.00", **fields}
        insert("invoices", **row, balance=balance, due_date=due)

    return add_invoice


@pytest.fixture
def worklist(query_text: Query) -> Query:
    """Return a function that selects columns of each customer, in order of rank."""

    def worklist(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.collections_worklist order by currency, rank"
        )

    return worklist


def test_nothing_overdue(add_invoice: Action, query: Query) -> None:
    """A customer without a positive overdue balance is not listed: not due, due today, or
    negative."""
    add_invoice("2026-07-01", "5.00", customer_id="1")
    add_invoice("2026-06-30", "5.00", customer_id="2")
    add_invoice("2026-06-29", "-5.00", customer_id="3")
    add_invoice("2026-06-29", "5.00", customer_id="4", status="void")
    add_invoice("2026-06-29", "5.00", customer_id="4", status="draft")
    add_invoice("2026-06-29", "5.00", customer_id="5")
    add_invoice("2026-06-29", "-5.00", customer_id="5")

    assert query("select * from reporting.collections_worklist") == []


def test_customer(insert: Action, add_invoice: Action, worklist: Query) -> None:
    """A row shows whom to call, how, and about what."""
    insert("customers", id="7", code="C7", name="Buyer", phone="507", email="b@x.pa")
    add_invoice("2026-06-29", "10.00", document_date="2026-05-30", code="F1")
    add_invoice("2026-04-30", "20.00", document_date="2026-03-31", code="F2")
    add_invoice("2026-08-01", "40.00", document_date="2026-06-02", code="F3")

    assert worklist("*") == [
        (
            *("7", "C7", "Buyer", "USD", "507", "b@x.pa", "F3"),
            *("2026-06-02", "2026-04-30", 1, 61, 2, "30.00", "70.00"),
        )
    ]


def test_credits(add_invoice: Action, worklist: Query) -> None:
    """An old credit reduces the overdue balance, but does not count as an overdue invoice."""
    add_invoice("2026-06-20", "100.00")
    add_invoice("2026-01-01", "-30.00", total="-30.00")
    add_invoice("2026-02-01", "-5.00")  # overpaid

    assert worklist("overdue, balance, worst_days, overdue_documents, oldest_due_on") == [
        ("65.00", "65.00", 10, 1, "2026-06-20")
    ]


def test_last_invoice(add_invoice: Action, worklist: Query) -> None:
    """The last invoice is the newest live one in that currency, even if it is paid; of two on one
    day that with the higher id; a credit note does not count; one without a code shows none."""
    add_invoice("2026-06-29", "1.00", document_date="2026-05-01", code="old")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-10", code="one", id="99")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-10", code="two", id="100")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-11", code="note", total="-1.00")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-12", code="void", status="Void")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-13", code="draft", status="Draft")
    add_invoice("2026-06-29", "0.00", document_date="2026-06-14", code="euro", currency="EUR")
    add_invoice("2026-06-29", "1.00", document_date="2026-06-01", code="other", customer_id="8")
    add_invoice("2026-06-29", "1.00", document_date="2026-06-02", customer_id="8")

    assert worklist("customer_id, last_invoice_on, last_invoice_code") == [
        ("8", "2026-06-02", None),
        ("7", "2026-06-10", "two"),
    ]


def test_ranks(add_invoice: Action, worklist: Query) -> None:
    """The largest overdue balance comes first, then the most days overdue, then by id; per
    currency."""
    add_invoice("2026-06-20", "5.00", customer_id="b")
    add_invoice("2026-06-20", "5.00", customer_id="a")
    add_invoice("2026-06-19", "5.00", customer_id="z")
    add_invoice("2026-06-29", "6.00", customer_id="y")
    add_invoice("2026-07-01", "99.00", customer_id="a")
    add_invoice("2026-06-29", "1.00", customer_id="b", currency="EUR")

    assert worklist("currency, rank, customer_id, overdue, balance") == [
        ("EUR", 1, "b", "1.00", "1.00"),
        ("USD", 1, "y", "6.00", "6.00"),
        ("USD", 2, "z", "5.00", "5.00"),
        ("USD", 3, "a", "5.00", "104.00"),
        ("USD", 4, "b", "5.00", "5.00"),
    ]


def test_missing_and_unknown_customers(add_invoice: Action, worklist: Query) -> None:
    """Overdue balances of a missing or unknown customer are listed, without a phone number."""
    add_invoice("2026-06-29", "1.00", customer_id=None)
    add_invoice("2026-06-29", "2.00", customer_id="8")

    assert worklist("customer_name, phone, overdue") == [
        ("(unknown 8)", None, "2.00"),
        ("(none)", None, "1.00"),
    ]


def test_largest_amount(add_invoice: Action, worklist: Query) -> None:
    """The largest amount that fits a column is kept; an invoice due in the year 202 is overdue."""
    add_invoice("0202-02-02", HUGE)

    assert worklist("overdue, worst_days") == [(HUGE, 666351)]
