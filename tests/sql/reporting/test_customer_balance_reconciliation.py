"""Balances of customers' records, compared with open invoices."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
BALANCES = "customer_balance, invoices_balance, difference, is_reconciled"


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Return a function that adds an invoice of customer 7 with a balance."""
    numbers = iter(range(1, 1000))

    def add_invoice(balance: str, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "total": "100.00", **fields}
        insert("invoices", **row, balance=balance)

    return add_invoice


@pytest.fixture
def balances(query_text: Query) -> Query:
    """Return a function that selects columns of each customer."""

    def balances(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.customer_balance_reconciliation order by customer_id"
        )

    return balances


def test_no_record(add_invoice: Action, query: Query) -> None:
    """Without a customer record there is nothing to compare: unknown customers and (none) have no
    row."""
    add_invoice("5.00")
    add_invoice("5.00", customer_id=None)

    assert query("select * from reporting.customer_balance_reconciliation") == []


def test_agreed(insert: Action, add_invoice: Action, balances: Query) -> None:
    """Credit notes and overpayments are subtracted; void, draft and deleted invoices do not count;
    each invoice counts once, whatever its lines and its customer's versions."""
    insert("customers", id="7", balance="1.00", _dlt_valid_to="2026-01-02")
    fields = {"code": "C7", "name": "Buyer", "balance": "90.01"}
    insert("customers", id="7", **fields, _dlt_valid_from="2026-01-02")
    add_invoice("100.01", lines=[{"subtotal": "50.00"}, {"subtotal": "50.00"}])
    add_invoice("-8.00", total="-8.00")
    add_invoice("-2.00")
    add_invoice("0.00")
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("5.00", **fields)

    assert balances(f"customer_code, customer_name, currency, documents, {BALANCES}") == [
        ("C7", "Buyer", "USD", 3, "90.01", "90.01", "0.00", True)
    ]


@pytest.mark.parametrize(
    ("record", "difference", "agrees"),
    [
        ("10.00", "0.00", True),
        ("10.01", "0.01", False),
        ("9.99", "-0.01", False),
        ("-10.00", "-20.00", False),
        (None, None, None),
    ],
)
def test_difference(
    insert: Action,
    add_invoice: Action,
    balances: Query,
    record: str | None,
    difference: str | None,
    agrees: bool | None,
) -> None:
    """A cent is a difference; a record without a balance neither agrees nor disagrees."""
    insert("customers", id="7", balance=record)
    add_invoice("10.00")

    assert balances(BALANCES) == [(record, "10.00", difference, agrees)]


def test_no_open_invoices(insert: Action, balances: Query) -> None:
    """A customer without open invoices has an invoice balance of 0."""
    insert("customers", id="7", balance="3.00")

    assert balances(f"documents, documents_in_other_currencies, {BALANCES}") == [
        (0, 0, "3.00", "0.00", "3.00", False)
    ]


def test_other_currencies(insert: Action, add_invoice: Action, balances: Query) -> None:
    """The record's balance is compared in the customer's currency; balances in other currencies are
    counted, never added."""
    insert("customers", id="7", currency=" eur ", balance="10.00")
    insert("customers", id="8", balance="0.00")
    add_invoice("10.00", currency="Eur")
    add_invoice("99.00", currency=None)
    add_invoice("99.00", currency="USD")
    add_invoice("4.00", currency="EUR", customer_id="8")

    assert balances(f"currency, documents, documents_in_other_currencies, {BALANCES}") == [
        ("EUR", 1, 2, "10.00", "10.00", "0.00", True),
        ("USD", 0, 1, "0.00", "0.00", "0.00", True),
    ]


def test_deleted_and_restored(insert: Action, add_invoice: Action, balances: Query) -> None:
    """A deleted customer is compared only while it has a balance; a restored one is not deleted."""
    for number in ("6", "7", "8"):
        insert("customers", id=number, balance="2.00", _dlt_valid_to="2026-01-05")
    insert("customers", id="8", balance="3.00", _dlt_valid_from="2026-01-09")
    add_invoice("5.00")

    assert balances(f"customer_id, is_deleted, {BALANCES}") == [
        ("7", True, "2.00", "5.00", "-3.00", False),
        ("8", False, "3.00", "0.00", "3.00", False),
    ]


def test_overflow(insert: Action, add_invoice: Action, balances: Query) -> None:
    """Sums and differences that overflow their column are null and break nothing."""
    insert("customers", id="7", balance=HUGE)
    insert("customers", id="8", balance=f"-{HUGE}")
    add_invoice(HUGE)
    add_invoice(HUGE)
    add_invoice("0.01", customer_id="8")

    assert balances(BALANCES) == [
        (HUGE, None, f"-{HUGE}", False),
        (f"-{HUGE}", "0.01", None, False),
    ]
