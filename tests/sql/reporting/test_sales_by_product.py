"""Sales by product and month."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]
Line = dict[str, Any]

HUGE = "9999999999999999.99"


@pytest.fixture
def products(query_text: Query) -> Query:
    """Return a function that selects columns of each product and month."""

    def products(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select product_id, {columns} from reporting.sales_by_product"
            " order by month_on, product_id, currency"
        )

    return products


def test_no_sales(query: Query) -> None:
    """A warehouse without documents has no products."""
    assert query("select * from reporting.sales_by_product") == []


def test_product(insert: Action, add_invoice: Action, products: Query) -> None:
    """A product's lines are added up over documents; two lines in one document count as one
    document."""
    insert("products", id="5", code="P5", name="Ñame 😀")
    lines = [{"product_id": 5, "quantity": 3, "subtotal": "30.00"}] * 2
    add_invoice("2026-01-01", "60.00", lines=lines)
    add_invoice(
        "2026-01-31", "9.01", lines=[{"product_id": 5, "quantity": "0.5", "subtotal": "9.01"}]
    )
    add_invoice("2026-02-01", "4.00", lines=[{"product_id": 5, "quantity": 1, "subtotal": "4.00"}])

    assert products(
        "product_code, product_name, currency, month_on, documents, quantity, average_price, net"
    ) == [
        ("5", "P5", "Ñame 😀", "USD", "2026-01-01", 2, "6.500000", "10.616923", "69.01"),
        ("5", "P5", "Ñame 😀", "USD", "2026-02-01", 1, "1.000000", "4.000000", "4.00"),
    ]


def test_not_live(add_invoice: Action, products: Query) -> None:
    """Lines of void, draft and deleted invoices do not count."""
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5.00", lines=[{"product_id": 5, "subtotal": "5.00"}], **fields)

    assert products("net") == []


def test_returns(add_invoice: Action, products: Query) -> None:
    """A credit note's lines are subtracted; a product that was returned completely has no price."""
    for quantity, net in ((4, "40.00"), (-4, "-40.00")):
        line = {"product_id": 5, "quantity": quantity, "subtotal": net}
        add_invoice("2026-01-01", net, total=net, lines=[line])

    assert products("documents, quantity, average_price, net") == [
        ("5", 2, "0.000000", None, "0.00")
    ]


def test_header_exceeds_lines(add_invoice: Action, products: Query) -> None:
    """A header's excess over its lines, or a header without lines, is sold without a product and a
    quantity."""
    add_invoice(
        "2026-01-01", "12.00", lines=[{"product_id": 5, "quantity": 1, "subtotal": "10.00"}]
    )
    add_invoice("2026-01-01", "30.00")
    add_invoice("2026-01-01", "7.00", lines=[{"quantity": 7, "subtotal": "7.00"}])

    assert products("product_name, documents, quantity, average_price, net") == [
        ("(none)", "(none)", 3, "7.000000", "5.571429", "39.00"),
        ("5", "(unknown 5)", 1, "1.000000", "10.000000", "10.00"),
    ]


def test_deleted(insert: Action, add_invoice: Action, products: Query) -> None:
    """A deleted product keeps its name; one without a name is shown by its code."""
    insert("products", id="5", name="Gone", _dlt_valid_to="2026-02-01")
    insert("products", id="6", code="P6")
    add_invoice("2026-01-01", "3.00", lines=[{"product_id": p, "subtotal": p - 4} for p in (5, 6)])

    assert products("product_code, product_name, net") == [
        ("5", None, "Gone", "1.00"),
        ("6", "P6", "P6", "2.00"),
    ]


@pytest.mark.parametrize(
    ("line", "quantity", "price", "net"),
    [
        # a discount as an amount or a percentage; the net is the line's
        ({"quantity": 10, "price": 20, "discount": 10, "subtotal": "190"}, "10", "19", "190"),
        ({"quantity": 10, "price": 20, "discount": 10, "subtotal": "180"}, "10", "18", "180"),
        # without a net: quantity times price less the discount
        ({"quantity": 10, "price": 20, "discount": 10}, "10", "19", "190"),
        # a net without a quantity
        ({"subtotal": "5"}, "0", None, "5"),
        ({"quantity": 0, "subtotal": "5"}, "0", None, "5"),
        # a thousandth of a cent
        ({"quantity": "1000000", "subtotal": "1"}, "1000000", "0.000001", "1"),
    ],
)
def test_lines(
    add_invoice: Action, query: Query, line: Line, quantity: str, price: str | None, net: str
) -> None:
    """The quantity and net sold are those of the line."""
    add_invoice("2026-01-01", net, lines=[{"product_id": 5, **line}])

    assert query(
        f"select quantity = {quantity}, average_price is not distinct from {price or 'null'},"
        f" net = {net} from reporting.sales_by_product"
    ) == [(True, True, True)]


def test_currencies(add_invoice: Action, products: Query) -> None:
    """Dollars and euros of one product have separate rows."""
    for currency in ("EUR", "eur", None):
        line = {"product_id": 5, "quantity": 1, "subtotal": "5.00"}
        add_invoice("2026-01-01", "5.00", currency=currency, lines=[line])

    assert products("currency, net") == [("5", "EUR", "10.00"), ("5", "USD", "5.00")]


def test_extreme_days(add_invoice: Action, products: Query) -> None:
    """Each month has its own first and last day, in the years 202 and 9999 too."""
    for day in ("0202-02-02", "2024-02-29", "2024-03-01", "9999-12-31"):
        add_invoice(day, "1.00", lines=[{"product_id": 5, "subtotal": "1.00"}])

    assert products("month_on, net") == [
        ("5", "0202-02-01", "1.00"),
        ("5", "2024-02-01", "1.00"),
        ("5", "2024-03-01", "1.00"),
        ("5", "9999-12-01", "1.00"),
    ]


def test_overflow(add_invoice: Action, products: Query) -> None:
    """Sums that overflow their column are null and break nothing."""
    line = {"product_id": 5, "quantity": "999999999999.999999", "subtotal": HUGE}
    add_invoice("2026-01-01", None, lines=[line, line])

    assert ("5", 1, None, None) in products("documents, quantity, net")
