"""Orders taken and invoices issued, by month."""

from collections.abc import Callable
from typing import Any

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def test_months(insert: Action, add_invoice: Action, query_text: Query) -> None:
    """Each month and currency with an order or an invoice has both totals and their ratio."""
    orders = [
        ("2026-01-01", "100", "USD", "Open"),
        ("2026-01-31", "50", None, "Closed"),
        ("2026-01-31", "1000", "USD", "Cancelled"),
        ("2026-02-01", "30", "usd ", "Fulfilled"),
        ("2026-02-01", "7", "EUR", "odd"),
    ]
    for number, (day, net, currency, status) in enumerate(orders):
        values = {"subtotal": net, "tax_total": "1", "currency": currency, "status": status}
        insert("sales_orders", id=f"{number}", document_date=day, **values)
    add_invoice("2026-01-15", "120")
    add_invoice("2026-01-16", "-20", total="-20")
    add_invoice("2026-01-17", "5", status="Void")
    add_invoice("2026-03-01", "10", currency="EUR")
    add_invoice("2026-04-01", "-10", total="-10")

    assert query_text("from reporting.order_intake order by month_on, currency") == [
        ("USD", "2026-01-01", 2, 2, "150.00", "100.00", "1.500000"),
        ("EUR", "2026-02-01", 1, 0, "7.00", "0.00", None),
        ("USD", "2026-02-01", 1, 0, "30.00", "0.00", None),
        ("EUR", "2026-03-01", 0, 1, "0.00", "10.00", "0.000000"),
        ("USD", "2026-04-01", 0, 1, "0.00", "-10.00", None),
    ]


def test_absurd_ratio(insert: Action, add_invoice: Action, query: Query) -> None:
    """A ratio that fits in no column is unknown."""
    insert("sales_orders", id="1", document_date="2026-01-01", subtotal="1000000")
    add_invoice("2026-01-01", "0.01")

    assert query("select orders, documents, ratio from reporting.order_intake") == [(1, 1, None)]
