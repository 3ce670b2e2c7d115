"""Sales by customer and month."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def customers(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and month."""

    def customers(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select customer_id, {columns} from reporting.sales_by_customer"
            " order by month_on, customer_id, currency"
        )

    return customers


def test_no_sales(insert: Action, query: Query) -> None:
    """A customer without sales has no row."""
    insert("customers", id="1", name="Idle")

    assert query("select * from reporting.sales_by_customer") == []


def test_customer(insert: Action, add_invoice: Action, customers: Query) -> None:
    """A customer's documents are added up, each once however many lines it has; a credit note is
    subtracted and counts as a document."""
    insert("customers", id="1", code="C1", name='Doña "Ñ" 😀')
    lines = [{"quantity": 2, "subtotal": "10.00"}, {"quantity": "0.5", "subtotal": "5.00"}]
    add_invoice("2026-01-01", "15.00", customer_id="1", lines=lines)
    add_invoice("2026-01-31", "85.00", customer_id="1")
    line = {"quantity": -1, "subtotal": "-10.00"}
    add_invoice("2026-01-31", "-10.00", total="-10.70", customer_id="1", lines=[line])
    add_invoice("2026-02-01", "1.00", customer_id="1")

    assert customers(
        "customer_code, customer_name, currency, month_on, documents, quantity, average_order, net"
    ) == [
        ("1", "C1", 'Doña "Ñ" 😀', "USD", "2026-01-01", 3, "1.500000", "30.00", "90.00"),
        ("1", "C1", 'Doña "Ñ" 😀', "USD", "2026-02-01", 1, "0.000000", "1.00", "1.00"),
    ]


def test_not_live(add_invoice: Action, customers: Query) -> None:
    """Void, draft and deleted invoices do not count, nor do their lines."""
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5.00", customer_id="1", lines=[{"quantity": 3}], **fields)

    assert customers("net, quantity") == []


def test_missing_unknown_and_deleted_customers(
    insert: Action, add_invoice: Action, customers: Query
) -> None:
    """Sales without a customer are listed under (none), those of an unknown one under its id; a
    deleted customer keeps its name."""
    insert("customers", id="1", name="Gone", _dlt_valid_to="2026-02-01")
    add_invoice("2026-01-01", "1.00", customer_id="1")
    add_invoice("2026-01-01", "2.00", customer_id="7")
    add_invoice("2026-01-01", "4.00", customer_id=None)

    assert customers("customer_name, net") == [
        ("(none)", "(none)", "4.00"),
        ("1", "Gone", "1.00"),
        ("7", "(unknown 7)", "2.00"),
    ]


def test_customer_versions(insert: Action, add_invoice: Action, customers: Query) -> None:
    """Sales count once, under the last name, however often the customer's record changed."""
    insert("customers", id="1", name="Old", _dlt_valid_to="2026-01-02")
    insert(
        "customers", id="1", name="New", _dlt_valid_from="2026-01-02", _dlt_valid_to="2026-01-03"
    )
    insert("customers", id="1", name="Back", _dlt_valid_from="2026-01-05")
    add_invoice("2026-01-01", "1.00", customer_id="1")

    assert customers("customer_name, net") == [("1", "Back", "1.00")]


def test_currencies(add_invoice: Action, customers: Query) -> None:
    """Dollars and euros of one customer have separate rows, with their own quantities."""
    add_invoice("2026-01-01", "1.00", currency="EUR", customer_id="1", lines=[{"quantity": 5}])
    add_invoice("2026-01-01", "2.00", customer_id="1", lines=[{"quantity": 7}])

    assert customers("currency, quantity, net") == [
        ("1", "EUR", "5.000000", "1.00"),
        ("1", "USD", "7.000000", "2.00"),
    ]


def test_extreme_days(add_invoice: Action, customers: Query) -> None:
    """Each month has its own first and last day, in the years 202 and 9999 too."""
    for day in ("0202-02-02", "2024-02-29", "2024-03-01", "9999-12-31"):
        add_invoice(day, "1.00", customer_id="1")

    assert customers("month_on") == [
        ("1", "0202-02-01"),
        ("1", "2024-02-01"),
        ("1", "2024-03-01"),
        ("1", "9999-12-01"),
    ]


def test_overflow(add_invoice: Action, customers: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    add_invoice("2026-01-01", HUGE, customer_id="1")
    add_invoice("2026-01-01", HUGE, customer_id="1")

    assert customers("documents, net") == [("1", 2, None)]
