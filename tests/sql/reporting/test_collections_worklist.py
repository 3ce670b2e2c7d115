"""Customers with an overdue balance, in order of urgency."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def owed(give: Give, as_of: Give) -> Give:
    """Give what customer 7 owes, due on a day; as of 30 June 2026."""
    as_of("2026-06-30")
    numbers = iter(range(1, 1000))

    def owed(due: str, balance: str, **told: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "total": "1000.00", **told}
        give("invoices", **row, balance=balance, due_date=due)

    return owed


@pytest.fixture
def worklist(tell: Ask) -> Ask:
    """Ask for columns of each customer, in order of rank."""

    def worklist(columns: str) -> list[tuple[Any, ...]]:
        return tell(f"select {columns} from reporting.collections_worklist order by currency, rank")

    return worklist


def test_nobody_to_call(owed: Give, ask: Ask) -> None:
    """Who owes nothing that is late is left alone: not due, due today, or less than nothing."""
    owed("2026-07-01", "5.00", customer_id="1")
    owed("2026-06-30", "5.00", customer_id="2")
    owed("2026-06-29", "-5.00", customer_id="3")
    owed("2026-06-29", "5.00", customer_id="4", status="void")
    owed("2026-06-29", "5.00", customer_id="4", status="draft")
    owed("2026-06-29", "5.00", customer_id="5")
    owed("2026-06-29", "-5.00", customer_id="5")

    assert ask("select * from reporting.collections_worklist") == []


def test_a_customer(give: Give, owed: Give, worklist: Ask) -> None:
    """A row says whom to call, how, and about what."""
    give("customers", id="7", code="C7", name="Buyer", phone="507", email="b@x.pa")
    owed("2026-06-29", "10.00", document_date="2026-05-30", code="F1")
    owed("2026-04-30", "20.00", document_date="2026-03-31", code="F2")
    owed("2026-08-01", "40.00", document_date="2026-06-02", code="F3")

    assert worklist("*") == [
        (
            *("7", "C7", "Buyer", "USD", "507", "b@x.pa", "F3"),
            *("2026-06-02", "2026-04-30", 1, 61, 2, "30.00", "70.00"),
        )
    ]


def test_credits_are_not_late(owed: Give, worklist: Ask) -> None:
    """An old credit reduces the overdue balance, but does not count as an overdue invoice."""
    owed("2026-06-20", "100.00")
    owed("2026-01-01", "-30.00", total="-30.00")
    owed("2026-02-01", "-5.00")  # paid too much

    assert worklist("overdue, balance, worst_days, overdue_documents, oldest_due_on") == [
        ("65.00", "65.00", 10, 1, "2026-06-20")
    ]


def test_the_last_invoice(owed: Give, worklist: Ask) -> None:
    """The last invoice is the newest live one of that currency, paid ones too; of two on one day
    that of the higher id; a credit note is none; one without a code has none."""
    owed("2026-06-29", "1.00", document_date="2026-05-01", code="old")
    owed("2026-06-29", "0.00", document_date="2026-06-10", code="one", id="99")
    owed("2026-06-29", "0.00", document_date="2026-06-10", code="two", id="100")
    owed("2026-06-29", "0.00", document_date="2026-06-11", code="note", total="-1.00")
    owed("2026-06-29", "0.00", document_date="2026-06-12", code="void", status="Void")
    owed("2026-06-29", "0.00", document_date="2026-06-13", code="draft", status="Draft")
    owed("2026-06-29", "0.00", document_date="2026-06-14", code="euro", currency="EUR")
    owed("2026-06-29", "1.00", document_date="2026-06-01", code="other", customer_id="8")
    owed("2026-06-29", "1.00", document_date="2026-06-02", customer_id="8")

    assert worklist("customer_id, last_invoice_on, last_invoice_code") == [
        ("8", "2026-06-02", None),
        ("7", "2026-06-10", "two"),
    ]


def test_ranks(owed: Give, worklist: Ask) -> None:
    """The largest overdue balance comes first, then the latest, then by id; per currency."""
    owed("2026-06-20", "5.00", customer_id="b")
    owed("2026-06-20", "5.00", customer_id="a")
    owed("2026-06-19", "5.00", customer_id="z")
    owed("2026-06-29", "6.00", customer_id="y")
    owed("2026-07-01", "99.00", customer_id="a")
    owed("2026-06-29", "1.00", customer_id="b", currency="EUR")

    assert worklist("currency, rank, customer_id, overdue, balance") == [
        ("EUR", 1, "b", "1.00", "1.00"),
        ("USD", 1, "y", "6.00", "6.00"),
        ("USD", 2, "z", "5.00", "5.00"),
        ("USD", 3, "a", "5.00", "104.00"),
        ("USD", 4, "b", "5.00", "5.00"),
    ]


def test_nobody_and_unknown_ones(owed: Give, worklist: Ask) -> None:
    """What is late without a customer, or of an unknown one, stays in the list, without a phone."""
    owed("2026-06-29", "1.00", customer_id=None)
    owed("2026-06-29", "2.00", customer_id="8")

    assert worklist("customer_name, phone, overdue") == [
        ("(unknown 8)", None, "2.00"),
        ("(none)", None, "1.00"),
    ]


def test_absurd_amounts(owed: Give, worklist: Ask) -> None:
    """The largest amount of a column is kept; due in the year 202 is overdue."""
    owed("0202-02-02", HUGE)

    assert worklist("overdue, worst_days") == [(HUGE, 666351)]
