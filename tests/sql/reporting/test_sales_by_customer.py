"""Sales by customer and month."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def customers(tell: Ask) -> Ask:
    """Ask for columns of each customer and month."""

    def customers(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select customer_id, {columns} from reporting.sales_by_customer"
            " order by month_on, customer_id, currency"
        )

    return customers


def test_nothing_sold(give: Give, ask: Ask) -> None:
    """A customer who bought nothing has no row."""
    give("customers", id="1", name="Idle")

    assert ask("select * from reporting.sales_by_customer") == []


def test_a_customer(give: Give, sold: Give, customers: Ask) -> None:
    """A customer's documents are added up, each once however many lines it has; a credit note is
    subtracted, and is a document."""
    give("customers", id="1", code="C1", name='Doña "Ñ" 😀')
    lines = [{"quantity": 2, "subtotal": "10.00"}, {"quantity": "0.5", "subtotal": "5.00"}]
    sold("2026-01-01", "15.00", customer_id="1", lines=lines)
    sold("2026-01-31", "85.00", customer_id="1")
    line = {"quantity": -1, "subtotal": "-10.00"}
    sold("2026-01-31", "-10.00", total="-10.70", customer_id="1", lines=[line])
    sold("2026-02-01", "1.00", customer_id="1")

    assert customers(
        "customer_code, customer_name, currency, month_on, documents, quantity, average_order, net"
    ) == [
        ("1", "C1", 'Doña "Ñ" 😀', "USD", "2026-01-01", 3, "1.500000", "30.00", "90.00"),
        ("1", "C1", 'Doña "Ñ" 😀', "USD", "2026-02-01", 1, "0.000000", "1.00", "1.00"),
    ]


def test_not_sold(sold: Give, customers: Ask) -> None:
    """Void ones, drafts and what is gone were not sold, nor were their lines."""
    for told in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        sold("2026-01-01", "5.00", customer_id="1", lines=[{"quantity": 3}], **told)

    assert customers("net, quantity") == []


def test_nobody_and_unknown_ones(give: Give, sold: Give, customers: Ask) -> None:
    """Without a customer a document is sold to (none), of an unknown one to its id; who is gone
    keeps the name."""
    give("customers", id="1", name="Gone", _dlt_valid_to="2026-02-01")
    sold("2026-01-01", "1.00", customer_id="1")
    sold("2026-01-01", "2.00", customer_id="7")
    sold("2026-01-01", "4.00", customer_id=None)

    assert customers("customer_name, net") == [
        ("(none)", "(none)", "4.00"),
        ("1", "Gone", "1.00"),
        ("7", "(unknown 7)", "2.00"),
    ]


def test_a_customer_with_many_versions(give: Give, sold: Give, customers: Ask) -> None:
    """However often a customer's record changed, its sales count once, under its last name."""
    give("customers", id="1", name="Old", _dlt_valid_to="2026-01-02")
    give("customers", id="1", name="New", _dlt_valid_from="2026-01-02", _dlt_valid_to="2026-01-03")
    give("customers", id="1", name="Back", _dlt_valid_from="2026-01-05")
    sold("2026-01-01", "1.00", customer_id="1")

    assert customers("customer_name, net") == [("1", "Back", "1.00")]


def test_currencies(sold: Give, customers: Ask) -> None:
    """Dollars and euros of one customer have separate rows, with their own quantities."""
    sold("2026-01-01", "1.00", currency="EUR", customer_id="1", lines=[{"quantity": 5}])
    sold("2026-01-01", "2.00", customer_id="1", lines=[{"quantity": 7}])

    assert customers("currency, quantity, net") == [
        ("1", "EUR", "5.000000", "1.00"),
        ("1", "USD", "7.000000", "2.00"),
    ]


def test_days_at_the_edge(sold: Give, customers: Ask) -> None:
    """Each month has its own first and last day, the years 202 and 9999 too."""
    for day in ("0202-02-02", "2024-02-29", "2024-03-01", "9999-12-31"):
        sold(day, "1.00", customer_id="1")

    assert customers("month_on") == [
        ("1", "0202-02-01"),
        ("1", "2024-02-01"),
        ("1", "2024-03-01"),
        ("1", "9999-12-01"),
    ]


def test_absurd_amounts(sold: Give, customers: Ask) -> None:
    """A sum that no column holds is empty, and stops nothing."""
    sold("2026-01-01", HUGE, customer_id="1")
    sold("2026-01-01", HUGE, customer_id="1")

    assert customers("documents, net") == [("1", 2, None)]
