"""What is known about each customer: sales, debt, orders, credit and segment."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def show(query_text: Query, set_as_of: Action) -> Query:
    """Return a function that selects columns of each customer, as of 30 June 2026."""
    set_as_of("2026-06-30")

    def show(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.customer_360 order by customer_id, currency"
        )

    return show


def test_customer(insert: Action, add_invoice: Action, show: Query) -> None:
    """A row shows everything; a credit note is in sums only, and 12 months begin after the same day
    of last year."""
    insert("customers", id="7", code="C7", name="Buyer", credit_limit="500")
    insert("products", id="1", name="Widget")
    own: dict[str, Any] = {"customer_id": "7", "lines": [{"product_id": "1", "subtotal": "100"}]}
    paid = {**own, "balance": "0"}
    add_invoice("2024-05-05", "100", total="107", **paid)
    add_invoice("2025-06-30", "100", total="107", **paid)
    add_invoice("2025-07-01", "100.01", total="107", **paid)
    add_invoice("2026-05-01", "100", total="107", due_date="2026-06-29", balance="57", **own)
    add_invoice("2026-06-15", "100", total="107", due_date="2026-06-30", **own)
    add_invoice("2026-06-16", "-30", total="-32.10", due_date="2026-06-16", **own)
    add_invoice("2026-06-17", "1000", total="1070", status="Void", **own)
    add_invoice("2026-06-18", "1000", total="1070", status="draft", **own)
    order = {"customer_id": "7", "total": "10.50"}
    insert("sales_orders", id="1", status="Open", **order)
    insert("sales_orders", id="2", status="PartiallyFulfilled", **order)
    insert("sales_orders", id="3", status="Fulfilled", **order)
    insert("sales_orders", id="4", status="Cancelled", **order)

    assert show("*") == [
        (
            *("7", "C7", "Buyer", "USD", "occasional", "1", "Widget", True),
            *("2024-05-05", "2026-06-15", 15, 5, 3, 2),
            *("100.00", "470.01", "270.01", "131.90", "24.90", "21.00", "500.00", "368.10"),
        )
    ]


def test_currencies(insert: Action, add_invoice: Action, show: Query) -> None:
    """Dollars and euros are never added; a limit applies to the customer's own currency, in which
    it has a row even if it only trades in another one."""
    insert("customers", id="7", currency="usd ", credit_limit="10")
    add_invoice("2026-06-01", "3", customer_id="7", currency="EUR")
    insert("sales_orders", id="1", customer_id="7", currency="GBP", total="5")

    columns = "currency, net_lifetime, balance, open_orders_total, credit_left, segment"
    assert show(columns) == [
        ("EUR", "3.00", "3.00", "0.00", None, "new"),
        ("GBP", "0.00", "0.00", "5.00", None, "never bought"),
        ("USD", "0.00", "0.00", "0.00", "10.00", "never bought"),
    ]


def test_parties(insert: Action, add_invoice: Action, show: Query) -> None:
    """A missing, an unknown and a deleted customer have rows, too; what is owed may be a credit."""
    insert("customers", id="5", name='D\'Oro "5"', _dlt_valid_to="2026-02-01", credit_limit="1")
    add_invoice("2026-06-01", "1", customer_id=" ")
    add_invoice("2026-06-01", "2", customer_id="8")
    add_invoice("2026-06-01", "-4", total="-4", customer_id="5")

    columns = "customer_id, customer_name, is_active, net_lifetime, balance, credit_left, segment"
    assert show(columns) == [
        ("(none)", "(none)", False, "1.00", "1.00", None, "new"),
        ("5", 'D\'Oro "5"', False, "-4.00", "-4.00", "5.00", "never bought"),
        ("8", "(unknown 8)", False, "2.00", "2.00", None, "new"),
    ]


SEGMENTS = [
    (["2026-06-30"], "new"),
    (["2026-04-01"], "new"),
    (["2026-03-31"], "slipping"),
    (["2025-07-01"], "slipping"),
    (["2025-06-30"], "lost"),
    (["2025-06-30", "2026-04-01"], "occasional"),
    (["2025-06-30", "2025-07-01", "2026-04-01", "2026-04-01"], "occasional"),
    (["2025-07-01", "2025-07-01", "2026-04-01", "2026-04-01"], "regular"),
    (["0202-06-01", "2026-06-01"], "new"),
    (["2024-06-01", "9999-12-31"], "lost"),
    (["2026-07-01"], "never bought"),
]


def test_segments(add_invoice: Action, show: Query) -> None:
    """90 days and 12 months decide; a mistyped year makes no customer old or active, but its
    invoice is in the sums."""
    for number, (days, _) in enumerate(SEGMENTS):
        for day in days:
            add_invoice(day, "1", customer_id=f"{number:02}")

    assert show("segment, net_lifetime") == [
        (segment, f"{len(days)}.00") for days, segment in SEGMENTS
    ]


def test_top_product(add_invoice: Action, show: Query) -> None:
    """The top product has the largest net, less returns; none is named if nothing was bought on
    balance or without a product; of equal ones that with the greater id."""
    for customer, product, net in (
        *(("1", "a", "60"), ("1", "b", "50"), ("1", "a", "-20"), ("1", None, "99")),
        *(("2", "a", "-1"), ("2", None, "5")),
        *(("3", "a", "5"), ("3", "b", "5")),
    ):
        line = {"product_id": product, "subtotal": net}
        add_invoice("2026-06-01", net, total=net, customer_id=customer, lines=[line])

    assert show("customer_id, top_product_id, top_product_name") == [
        ("1", "b", "(unknown b)"),
        ("2", None, None),
        ("3", "b", "(unknown b)"),
    ]


def test_overflow(insert: Action, add_invoice: Action, show: Query) -> None:
    """A figure of more digits than its column is unknown, not 0."""
    insert("customers", id="7", credit_limit="1")
    for _ in range(2):
        add_invoice("2026-06-01", "9999999999999999.99", customer_id="7")

    columns = "net_lifetime, net_12_months, balance, credit_left"
    assert show(columns) == [(None, None, None, None)]
