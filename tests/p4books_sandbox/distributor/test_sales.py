"""What did customers order, and what were they invoiced?"""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import orjson
import pytest

from p4books_sandbox.options import chance
from p4books_sandbox.sample_data.documents import Sold, sell
from p4books_sandbox.sample_data.master_data import buyers, catalog

Row = dict[str, Any]


@pytest.fixture(scope="module")
def sold() -> Sold:
    """A thousand sales."""
    products = catalog(200, chance(7, "products"))
    return sell(1000, products, buyers(100), None, chance(7, "sales"))


@pytest.fixture(scope="module")
def invoices(sold: Sold) -> list[Row]:
    """The invoices."""
    return [orjson.loads(row) for row in sold.invoices]


@pytest.fixture(scope="module")
def orders(sold: Sold) -> list[Row]:
    """The sales orders."""
    return [orjson.loads(row) for row in sold.orders]


def test_what_customers_owe(sold: Sold, invoices: list[Row]) -> None:
    """A customer owes the balances of its posted and part-paid invoices, credit notes taken off."""
    owed: dict[int, Decimal] = defaultdict(Decimal)
    for invoice in invoices:
        if invoice["status"] in {"Posted", "PartiallyPaid"}:
            owed[invoice["customer_id"]] += Decimal(str(invoice["balance"])) * 100

    assert sold.owed == [owed[number] for number in range(101)]


def test_every_state(invoices: list[Row]) -> None:
    """Invoices are paid, part-paid, overdue, not yet due, void and drafts; most are paid."""
    states = Counter(
        "Overdue"
        if invoice["status"] == "Posted" and invoice["due_date"] < "2026-06-30"
        else invoice["status"]
        for invoice in invoices
    )

    assert set(states) == {"Paid", "PartiallyPaid", "Overdue", "Posted", "Void", "Draft"}
    assert states["Paid"] > 800


def test_paid_means_paid(invoices: list[Row]) -> None:
    """The status says what was paid."""
    for invoice in invoices:
        paid, total = invoice["amount_paid"], invoice["total"]
        expected = "Paid" if paid == total else "PartiallyPaid" if paid else invoice["status"]
        assert invoice["status"] == expected
        assert invoice["status"] != "Paid" or invoice["balance"] == 0


def test_drafts_are_not_posted(invoices: list[Row]) -> None:
    """Drafts have no posting date, all others have one."""
    assert all((row["status"] == "Draft") is (row["posting_date"] is None) for row in invoices)


def test_credit_notes(invoices: list[Row]) -> None:
    """Credit notes stand among the invoices, below zero: some applied, some open."""
    notes = [invoice for invoice in invoices if invoice["total"] < 0]

    assert {note["code"][:3] for note in notes} == {"NC-"}
    assert {note["status"] for note in notes} >= {"Posted", "Paid"}
    assert all(row["quantity"] < 0 for note in notes for row in note["lines"])


def test_counter_sales(invoices: list[Row]) -> None:
    """Counter sales have no customer: null, or not even the field."""
    assert any("customer_id" not in invoice for invoice in invoices)
    assert any(invoice.get("customer_id", 0) is None for invoice in invoices)


def test_invoices_of_orders(invoices: list[Row], orders: list[Row]) -> None:
    """An invoice of an order has its customer and lines; only what was delivered is invoiced."""
    by_id = {order["id"]: order for order in orders}
    linked = [invoice for invoice in invoices if invoice.get("sales_order_id")]

    assert len(linked) > 400
    for invoice in linked:
        order = by_id[invoice["sales_order_id"]]
        assert order["status"] in {"Fulfilled", "Closed"}
        assert (order["customer_id"], order["lines"]) == (invoice["customer_id"], invoice["lines"])
        assert order["document_date"] < invoice["document_date"]


def test_statuses_of_orders(orders: list[Row]) -> None:
    """Orders are in every state, most of them closed."""
    states = Counter(order["status"] for order in orders)

    assert set(states) == {"Open", "PartiallyFulfilled", "Fulfilled", "Closed", "Cancelled"}
    assert states["Closed"] > 400


@pytest.mark.parametrize("kind", ["invoices", "orders"])
def test_ids_and_days_rise(kind: str, request: pytest.FixtureRequest) -> None:
    """Ids count from 1 and newer documents stand later."""
    rows = request.getfixturevalue(kind)

    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["date_created"] for row in rows] == sorted(row["date_created"] for row in rows)
    assert all(row["date_created"] <= row["date_modified"] < "2026-07" for row in rows)
