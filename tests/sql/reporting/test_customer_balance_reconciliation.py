"""Balances of customers' records, compared with open invoices."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
BALANCES = "customer_balance, invoices_balance, difference, is_reconciled"


@pytest.fixture
def owed(give: Give) -> Give:
    """Give an invoice of customer 7, of which there is a balance."""
    numbers = iter(range(1, 1000))

    def owed(balance: str, **told: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "total": "100.00", **told}
        give("invoices", **row, balance=balance)

    return owed


@pytest.fixture
def compared(tell: Ask) -> Ask:
    """Ask for columns of each customer."""

    def compared(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select {columns} from reporting.customer_balance_reconciliation order by customer_id"
        )

    return compared


def test_nobody(owed: Give, ask: Ask) -> None:
    """Without a record there is nothing to compare: unknown customers and (none) have no row."""
    owed("5.00")
    owed("5.00", customer_id=None)

    assert ask("select * from reporting.customer_balance_reconciliation") == []


def test_agreed(give: Give, owed: Give, compared: Ask) -> None:
    """Credit notes and what was paid too much are subtracted; what is void, a draft or gone is not
    owed; each invoice counts once, whatever its lines and the customer's versions."""
    give("customers", id="7", balance="1.00", _dlt_valid_to="2026-01-02")
    told = {"code": "C7", "name": "Buyer", "balance": "90.01"}
    give("customers", id="7", **told, _dlt_valid_from="2026-01-02")
    owed("100.01", lines=[{"subtotal": "50.00"}, {"subtotal": "50.00"}])
    owed("-8.00", total="-8.00")
    owed("-2.00")
    owed("0.00")
    for gone in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        owed("5.00", **gone)

    assert compared(f"customer_code, customer_name, currency, documents, {BALANCES}") == [
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
    give: Give,
    owed: Give,
    compared: Ask,
    record: str | None,
    difference: str | None,
    agrees: bool | None,
) -> None:
    """A cent is a difference; a record without a balance says neither."""
    give("customers", id="7", balance=record)
    owed("10.00")

    assert compared(BALANCES) == [(record, "10.00", difference, agrees)]


def test_nothing_open(give: Give, compared: Ask) -> None:
    """Who has no open invoice owes nothing by them."""
    give("customers", id="7", balance="3.00")

    assert compared(f"documents, documents_in_other_currencies, {BALANCES}") == [
        (0, 0, "3.00", "0.00", "3.00", False)
    ]


def test_other_currencies(give: Give, owed: Give, compared: Ask) -> None:
    """The record's balance is in the customer's currency, and so is what it is held against; what
    is owed in others is counted, never added."""
    give("customers", id="7", currency=" eur ", balance="10.00")
    give("customers", id="8", balance="0.00")
    owed("10.00", currency="Eur")
    owed("99.00", currency=None)
    owed("99.00", currency="USD")
    owed("4.00", currency="EUR", customer_id="8")

    assert compared(f"currency, documents, documents_in_other_currencies, {BALANCES}") == [
        ("EUR", 1, 2, "10.00", "10.00", "0.00", True),
        ("USD", 0, 1, "0.00", "0.00", "0.00", True),
    ]


def test_deleted_ones(give: Give, owed: Give, compared: Ask) -> None:
    """Who was deleted is compared only while it still owes; who came back is not deleted."""
    for number in ("6", "7", "8"):
        give("customers", id=number, balance="2.00", _dlt_valid_to="2026-01-05")
    give("customers", id="8", balance="3.00", _dlt_valid_from="2026-01-09")
    owed("5.00")

    assert compared(f"customer_id, is_deleted, {BALANCES}") == [
        ("7", True, "2.00", "5.00", "-3.00", False),
        ("8", False, "3.00", "0.00", "3.00", False),
    ]


def test_absurd_amounts(give: Give, owed: Give, compared: Ask) -> None:
    """Sums and differences that no column holds are empty, and stop nothing."""
    give("customers", id="7", balance=HUGE)
    give("customers", id="8", balance=f"-{HUGE}")
    owed(HUGE)
    owed(HUGE)
    owed("0.01", customer_id="8")

    assert compared(BALANCES) == [
        (HUGE, None, f"-{HUGE}", False),
        (f"-{HUGE}", "0.01", None, False),
    ]
