"""Current rows of products, customers, vendors, invoices and orders."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

TABLES = {
    "products": "product",
    "customers": "customer",
    "vendors": "vendor",
    "invoices": "invoice",
    "purchase_orders": "purchase_order",
    "sales_orders": "sales_order",
}


def instant(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.mark.parametrize("table", TABLES)
def test_one_row_per_entity(insert: Action, query: Query, table: str) -> None:
    """Only the open version of a record is current; a deleted record has none."""
    entity = TABLES[table]
    insert(table, id="1", code="old", _dlt_valid_to="2026-01-02")
    insert(table, id="1", code="new", _dlt_valid_from="2026-01-02")
    insert(table, id="2", code="gone", _dlt_valid_to="2026-01-02")

    assert query(f"select {entity}_id, {entity}_code from staging.{table}") == [("1", "new")]


@pytest.mark.parametrize("table", TABLES)
def test_verified_at(insert: Action, query: Query, table: str) -> None:
    """A row was verified when its own list last contained it; a row that was never
    verified is kept."""
    insert(table, id="1")
    insert(table, id="2")
    other = "vendors" if table != "vendors" else "products"
    insert("seen", endpoint=table, id="1", verified_at="2026-01-03")
    insert("seen", endpoint=other, id="2", verified_at="2026-01-04")

    rows = query(f"select {TABLES[table]}_id, verified_at from staging.{table} order by all")

    assert rows == [("1", instant(3)), ("2", None)]


def test_product(insert: Action, query: Query) -> None:
    """The fields of a product have the names of our models."""
    insert(
        "products", id="7", name="Widget", status="active", price="25.125", cost=17.5, tax_code="T"
    )
    insert("products", id="8")

    assert query(
        "select product_id, product_name, product_status, list_price, unit_cost, tax_code"
        " from staging.products order by all"
    ) == [
        ("7", "Widget", "active", Decimal("25.125000"), Decimal("17.500000"), "T"),
        ("8", None, None, None, None, None),
    ]


def test_customer(insert: Action, query: Query) -> None:
    """The fields of a customer have the names of our models."""
    insert("customers", id="7", name="Óptica", credit_limit=1000, balance="796.27", extra='{"a":1}')

    assert query(
        "select customer_id, customer_name, credit_limit, balance, extra from staging.customers"
    ) == [("7", "Óptica", Decimal(1000), Decimal("796.27"), '{"a":1}')]


def test_vendor(insert: Action, query: Query) -> None:
    """The fields of a vendor have the names of our models."""
    insert(
        "vendors", id="7", name="Luz", tax_id="1-2-3 DV 4", payment_terms="Net 30", balance="-1.05"
    )

    assert query(
        "select vendor_id, vendor_name, tax_id, payment_terms, balance from staging.vendors"
    ) == [("7", "Luz", "1-2-3 DV 4", "Net 30", Decimal("-1.05"))]


def test_invoice(insert: Action, query: Query) -> None:
    """The days and amounts of an invoice have the names of our models, and none is mixed up."""
    insert(
        "invoices",
        id="7",
        customer_id="3",
        sales_order_id="4",
        status="Posted",
        document_date="2026-01-01",
        due_date="2026-01-31",
        posting_date="2026-01-02",
        subtotal=100,
        tax_total=7,
        total=107,
        amount_paid="50.5",
        balance="56.5",
    )

    assert query(
        "select invoice_id, customer_id, sales_order_id, invoice_status, document_on, due_on,"
        " posted_on, invoice_subtotal, invoice_tax, invoice_total, amount_paid, balance"
        " from staging.invoices"
    ) == [
        (
            *("7", "3", "4", "Posted"),
            *(date(2026, 1, 1), date(2026, 1, 31), date(2026, 1, 2)),
            *map(Decimal, ("100", "7", "107", "50.50", "56.50")),
        )
    ]


@pytest.mark.parametrize(
    ("table", "party", "day", "day_here"),
    [
        ("purchase_orders", "vendor_id", "expected_date", "expected_on"),
        ("sales_orders", "customer_id", "required_date", "required_on"),
    ],
)
def test_order(
    insert: Action, query: Query, table: str, party: str, day: str, day_here: str
) -> None:
    """The days and amounts of an order have the names of our models, and none is mixed up."""
    entity = TABLES[table]
    amounts = {"subtotal": 1, "tax_total": 2, "total": 3}
    days = {"document_date": "2026-01-01", day: "2026-01-09"}
    insert(table, id="7", status="Open", warehouse_id="w", **{party: "3"}, **days, **amounts)

    assert query(
        f"select {entity}_id, {party}, warehouse_id, {entity}_status, document_on, {day_here},"
        f" {entity}_subtotal, {entity}_tax, {entity}_total from staging.{table}"
    ) == [("7", "3", "w", "Open", date(2026, 1, 1), date(2026, 1, 9), *map(Decimal, (1, 2, 3)))]
