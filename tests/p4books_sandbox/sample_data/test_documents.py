"""Lines, sales, payments and purchases of the sample data."""

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from typing import Any

import orjson
import pytest

from p4books_sandbox.options import seeded_random
from p4books_sandbox.sample_data.documents import (
    LONG_DOCUMENT,
    DocumentLength,
    DocumentLines,
    GeneratedPurchases,
    GeneratedSales,
    LineWriter,
    Settlement,
    generate_purchases,
    generate_sales,
    reverse_lines,
    settle_invoice,
)
from p4books_sandbox.sample_data.master_data import CatalogItem, make_buyers, make_catalog
from p4books_sandbox.sample_data.vocabulary import LAST, TAX_PERCENT, choose_sizes

Row = dict[str, Any]


@pytest.fixture(scope="module")
def catalog() -> list[CatalogItem]:
    """Two hundred products."""
    return make_catalog(200, seeded_random(7, "products"))


@pytest.fixture
def make_writer(catalog: list[CatalogItem]) -> Callable[..., LineWriter]:
    """Make a writer of so many lines per document (None: one to eight)."""
    return lambda count=None: LineWriter(catalog, DocumentLength(count), seeded_random(7, "lines"))


@pytest.fixture(scope="module")
def sales(catalog: list[CatalogItem]) -> GeneratedSales:
    """A thousand sales."""
    buyers, draw = make_buyers(100), seeded_random(7, "sales")
    return generate_sales(choose_sizes(1000), catalog, buyers, DocumentLength(), draw)


@pytest.fixture(scope="module")
def purchases(catalog: list[CatalogItem]) -> GeneratedPurchases:
    """Four hundred purchase orders."""
    return generate_purchases(
        choose_sizes(2000), catalog, DocumentLength(), seeded_random(7, "purchases")
    )


@pytest.fixture(scope="module")
def invoices(sales: GeneratedSales) -> list[Row]:
    """The invoices."""
    return [orjson.loads(row) for row in sales.invoices]


@pytest.fixture(scope="module")
def sales_orders(sales: GeneratedSales) -> list[Row]:
    """The sales orders."""
    return [orjson.loads(row) for row in sales.orders]


@pytest.fixture(scope="module")
def purchase_orders(purchases: GeneratedPurchases) -> list[Row]:
    """The purchase orders."""
    return [orjson.loads(row) for row in purchases.orders]


def _exact(row: Row, key: str) -> Decimal:
    return Decimal(str(row.get(key) or 0))


def _round(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("turn", [lambda lines: lines, reverse_lines])
def test_sums_of_lines(
    make_writer: Callable[..., LineWriter], turn: Callable[[DocumentLines], DocumentLines]
) -> None:
    """A line is quantity times price less discount; it, its tax and the sums are exact."""
    writer = make_writer()
    for number in range(500):
        lines = turn(writer.write_lines(freight=number % 5 == 0, exempt=number % 7 == 0))
        subtotals = [_exact(row, "subtotal") for row in lines.rows]

        for row, subtotal in zip(lines.rows, subtotals, strict=True):
            product = _exact(row, "quantity") * _exact(row, "price") - _exact(row, "discount")
            assert _round(product) == subtotal
        taxes = [
            _round(subtotal * TAX_PERCENT[row["tax_code"]] / 100)
            for row, subtotal in zip(lines.rows, subtotals, strict=True)
        ]
        assert sum(subtotals) * 100 == lines.subtotal
        assert sum(taxes) * 100 == lines.tax


def test_one_to_eight_lines(make_writer: Callable[..., LineWriter]) -> None:
    """Documents have one to eight lines, four on average."""
    writer = make_writer()
    counts = [len(writer.write_lines().rows) for _ in range(2000)]

    assert set(counts) == set(range(1, 9))
    assert 3.8 < sum(counts) / len(counts) < 4.5


def test_fixed_number_of_lines(make_writer: Callable[..., LineWriter]) -> None:
    """For benchmarks all documents have the same number of lines, including freight."""
    writer = make_writer(6)
    counts = {len(writer.write_lines(freight=freight).rows) for freight in (True, False) * 20}

    assert counts == {6}


def test_long_documents(catalog: list[CatalogItem]) -> None:
    """Each third document is long, the others are as usual."""
    writer = LineWriter(catalog, DocumentLength(2, 3), seeded_random(7, "lines"))
    counts = [len(writer.write_lines().rows) for _ in range(6)]

    assert counts == [2, 2, LONG_DOCUMENT, 2, 2, LONG_DOCUMENT]


def test_line_numbers(make_writer: Callable[..., LineWriter]) -> None:
    """Lines are numbered from 1."""
    rows = make_writer(5).write_lines().rows

    assert [row["line_number"] for row in rows] == [1, 2, 3, 4, 5]


def test_freight(make_writer: Callable[..., LineWriter]) -> None:
    """Freight is the last line, without a product or a discount."""
    *goods, freight = make_writer(4).write_lines(freight=True).rows

    assert (freight["product_id"], "discount" in freight) == (None, False)
    assert all(row["product_id"] for row in goods)


def test_exempt_customer(make_writer: Callable[..., LineWriter]) -> None:
    """An exempt customer pays no tax on goods."""
    lines = make_writer(8).write_lines(exempt=True)

    assert {row["tax_code"] for row in lines.rows} == {"EXENTO"}
    assert lines.tax == 0


def test_purchase_prices(
    catalog: list[CatalogItem], make_writer: Callable[..., LineWriter]
) -> None:
    """The prices of our own orders are the costs."""
    costs = {item.id: item.cost / 100 for item in catalog}

    for row in make_writer(8).write_lines(cost=True).rows:
        assert row["price"] == costs[row["product_id"]]


def test_fractional_quantities(
    catalog: list[CatalogItem], make_writer: Callable[..., LineWriter]
) -> None:
    """Goods sold by measure have quantities in tenths, the others whole ones."""
    writer = make_writer(8)
    rows = [row for _ in range(200) for row in writer.write_lines().rows]

    fractional = {row["product_id"] for row in rows if row["quantity"] % 1}
    assert fractional
    assert fractional <= {item.id for item in catalog if item.by_measure}


def test_reversed_lines(make_writer: Callable[..., LineWriter]) -> None:
    """A credit note has the opposite sign in quantities and amounts, but not in prices."""
    lines = make_writer(8).write_lines(freight=True)
    reverse = reverse_lines(lines)

    assert (reverse.subtotal, reverse.tax) == (-lines.subtotal, -lines.tax)
    for row, turned in zip(lines.rows, reverse.rows, strict=True):
        assert turned["price"] == row["price"] > 0
        assert turned["quantity"] == -row["quantity"] < 0
        assert turned["subtotal"] == -row["subtotal"]


@pytest.mark.parametrize(
    ("day", "due", "luck", "settlement"),
    [
        (100, 130, (0.5,), Settlement("Paid", 1000, 132)),
        (100, 100, (0.0,), Settlement("Paid", 1000, 100)),
        (100, 130, (0.99, 0.9), Settlement("Posted", 0, 100)),
        (100, 130, (0.99, 0.1), Settlement("PartiallyPaid", 300, 130)),
        (1090, 1120, (0.5, 0.9), Settlement("Posted", 0, 1090)),
        (1090, 1120, (0.5, 0.1), Settlement("PartiallyPaid", 300, LAST)),
    ],
)
def test_settlement(day: int, due: int, luck: tuple[float, ...], settlement: Settlement) -> None:
    """Luck decides whether an invoice of 10.00 is paid by the last day, when, and how much."""
    assert settle_invoice(day, due, 1000, cycle(luck).__next__) == settlement


def test_partial_payment() -> None:
    """A partial payment is more than nothing and less than all, however small the total."""
    draw = seeded_random(7, "payments")
    for total in (2, 5, 9, 10, 11, 12_345):
        for _ in range(300):
            settlement = settle_invoice(1090, 1150, total, draw)
            assert (settlement.status == "PartiallyPaid") is (0 < settlement.paid < total)


def test_no_payment_after_the_last_day() -> None:
    """No payment is dated after the last day, or before its invoice."""
    draw = seeded_random(7, "payments")
    for day in range(0, LAST + 1, 5):
        assert day <= settle_invoice(day, day + 30, 1000, draw).changed_on <= LAST


def test_receivables(sales: GeneratedSales, invoices: list[Row]) -> None:
    """A customer owes the balances of its posted and partially paid invoices, less credits."""
    owed: dict[int, Decimal] = defaultdict(Decimal)
    for invoice in invoices:
        if invoice["status"] in {"Posted", "PartiallyPaid"}:
            owed[invoice["customer_id"]] += Decimal(str(invoice["balance"])) * 100

    assert sales.receivable == [owed[number] for number in range(101)]


def test_invoice_statuses(invoices: list[Row]) -> None:
    """Invoices are paid, partially paid, overdue, not yet due, void and drafts; most are paid."""
    statuses = Counter(
        "Overdue"
        if invoice["status"] == "Posted" and invoice["due_date"] < "2026-06-30"
        else invoice["status"]
        for invoice in invoices
    )

    assert set(statuses) == {"Paid", "PartiallyPaid", "Overdue", "Posted", "Void", "Draft"}
    assert statuses["Paid"] > 800


def test_status_matches_the_payment(invoices: list[Row]) -> None:
    """The status of an invoice matches what was paid."""
    for invoice in invoices:
        paid, total = invoice["amount_paid"], invoice["total"]
        expected = "Paid" if paid == total else "PartiallyPaid" if paid else invoice["status"]
        assert invoice["status"] == expected
        assert invoice["status"] != "Paid" or invoice["balance"] == 0


def test_drafts_are_not_posted(invoices: list[Row]) -> None:
    """Drafts have no posting date, all others have one."""
    assert all((row["status"] == "Draft") is (row["posting_date"] is None) for row in invoices)


def test_credit_notes(invoices: list[Row]) -> None:
    """Credit notes are negative invoices: some applied, some open."""
    notes = [invoice for invoice in invoices if invoice["total"] < 0]

    assert {note["code"][:3] for note in notes} == {"NC-"}
    assert {note["status"] for note in notes} >= {"Posted", "Paid"}
    assert all(row["quantity"] < 0 for note in notes for row in note["lines"])


def test_counter_sales(invoices: list[Row]) -> None:
    """Counter sales have no customer: null, or the field is missing."""
    assert any("customer_id" not in invoice for invoice in invoices)
    assert any(invoice.get("customer_id", 0) is None for invoice in invoices)


def test_invoices_of_orders(invoices: list[Row], sales_orders: list[Row]) -> None:
    """An invoice of an order has its customer and lines; only delivered orders are invoiced."""
    by_id = {order["id"]: order for order in sales_orders}
    linked = [invoice for invoice in invoices if invoice.get("sales_order_id")]

    assert len(linked) > 400
    for invoice in linked:
        order = by_id[invoice["sales_order_id"]]
        assert order["status"] in {"Fulfilled", "Closed"}
        assert (order["customer_id"], order["lines"]) == (invoice["customer_id"], invoice["lines"])
        assert order["document_date"] < invoice["document_date"]


@pytest.mark.parametrize(
    ("orders", "partial", "complete", "closed"),
    [
        ("sales_orders", "PartiallyFulfilled", "Fulfilled", 400),
        ("purchase_orders", "PartiallyReceived", "Received", 200),
    ],
)
def test_order_statuses(
    request: pytest.FixtureRequest, orders: str, partial: str, complete: str, closed: int
) -> None:
    """Orders have every status, and most of them are closed."""
    statuses = Counter(order["status"] for order in request.getfixturevalue(orders))

    assert set(statuses) == {"Open", partial, complete, "Closed", "Cancelled"}
    assert statuses["Closed"] > closed


def test_payables(purchases: GeneratedPurchases, purchase_orders: list[Row]) -> None:
    """A vendor is owed for what was received and is not closed."""
    owed: dict[int, Decimal] = defaultdict(Decimal)
    for order in purchase_orders:
        if order["status"] == "Received":
            owed[order["vendor_id"]] += Decimal(str(order["total"])) * 100

    assert purchases.payable == [owed[number] for number in range(len(purchases.payable))]


def test_vendors_of_orders(purchases: GeneratedPurchases, purchase_orders: list[Row]) -> None:
    """Every purchase order has a vendor that exists."""
    vendors = set(range(1, len(purchases.payable)))

    assert {order["vendor_id"] for order in purchase_orders} <= vendors


@pytest.mark.parametrize(
    ("documents", "count"), [("invoices", 1000), ("sales_orders", 600), ("purchase_orders", 400)]
)
def test_ids_and_dates_rise(request: pytest.FixtureRequest, documents: str, count: int) -> None:
    """Ids count from 1 and newer documents come later."""
    rows = request.getfixturevalue(documents)

    assert [row["id"] for row in rows] == list(range(1, count + 1))
    assert [row["date_created"] for row in rows] == sorted(row["date_created"] for row in rows)
    assert all(row["date_created"] <= row["date_modified"] < "2026-07" for row in rows)
