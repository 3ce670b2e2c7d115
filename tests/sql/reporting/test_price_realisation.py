"""Prices compared with list price and cost."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "999999999999.999999"


@pytest.fixture
def prices(query_text: Query) -> Query:
    """Return a function that selects columns of each product, customer and month."""

    def prices(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.price_realisation"
            " order by month_on, product_id, customer_id, currency"
        )

    return prices


def line(quantity: object, net: str, **fields: Any) -> list[dict[str, Any]]:
    """Return one line of product 5."""
    return [{"product_id": 5, "quantity": quantity, "subtotal": net, **fields}]


def test_no_sales(insert: Action, query: Query) -> None:
    """A product that was not sold has no row."""
    insert("products", id="5", price="10")

    assert query("select * from reporting.price_realisation") == []


def test_price(insert: Action, add_invoice: Action, prices: Query) -> None:
    """The price of a product is compared with its list price and its cost."""
    insert("products", id="5", code="P5", name="Thing", price="10", cost="7.5")
    insert("customers", id="1", name="Buyer")
    add_invoice("2026-01-01", "40", customer_id="1", lines=line(4, "40", price=10))
    discounted = line(4, "32", price=10, discount=20)
    add_invoice("2026-01-31", "32", customer_id="1", lines=discounted)

    assert prices("*") == [
        (
            *("5", "1", "P5", "Thing", "Buyer", "USD", True, False, "2026-01-01"),
            *("8.000000", "10.000000", "9.000000", "7.500000", "0.100000", "8.00", "72.00"),
        )
    ]


@pytest.mark.parametrize(
    ("quantity", "net", "flags"),
    [
        (2, "20.01", (False, False)),
        (2, "20.00", (False, False)),
        (2, "19.99", (True, False)),
        (2, "14.00", (True, False)),
        (2, "13.99", (True, True)),
        (1, "0.00", (True, True)),
        (1, "-1.00", (True, True)),
        # a return is not a sale at a price
        (-2, "-20.00", (False, False)),
        (-2, "-30.00", (False, False)),
        # without a quantity there is no price
        (0, "-5.00", (False, False)),
        (None, "5.00", (False, False)),
    ],
)
def test_below(
    insert: Action,
    add_invoice: Action,
    prices: Query,
    quantity: int | None,
    net: str,
    flags: tuple[bool, bool],
) -> None:
    """A price that is a cent lower is below, an equal one is not."""
    insert("products", id="5", price="10", cost="7")
    add_invoice("2026-01-01", net, total=net, lines=line(quantity, net))

    assert prices("is_below_list, is_below_cost") == [flags]


@pytest.mark.parametrize(("net", "below"), [("1.00", False), ("0.99", True)])
def test_rounding_of_a_line(
    insert: Action, add_invoice: Action, prices: Query, net: str, below: bool
) -> None:
    """A price with fractions of a cent cannot be charged to the cent: half a cent per line is not a
    discount."""
    insert("products", id="5", price="0.335", cost="0.335")
    add_invoice("2026-01-01", net, lines=line(3, net))

    assert prices("is_below_list, is_below_cost") == [(below, below)]


@pytest.mark.parametrize(("last", "below"), [("0.33", False), ("0.32", True)])
def test_rounding_of_many_lines(
    insert: Action, add_invoice: Action, prices: Query, last: str, below: bool
) -> None:
    """Each line may be rounded on its own: three of 0.335 may yield 0.99."""
    insert("products", id="5", price="0.335")
    for each in ("0.33", "0.33", last):
        add_invoice("2026-01-01", each, lines=line(1, each))

    assert prices("is_below_list") == [(below,)]


@pytest.mark.parametrize(
    ("days", "listed"),
    [
        # before history: the first version
        (["2025-12-31"], "10.000000"),
        (["0202-02-02"], "10.000000"),
        (["2026-01-14"], "10.000000"),
        # the last version of the day in Panama
        (["2026-01-15"], "12.000000"),
        (["2026-01-16"], "12.000000"),
        (["9999-12-31"], "12.000000"),
        # weighted by quantity over the month
        (["2026-01-14", "2026-01-15", "2026-01-16"], "11.333333"),
    ],
)
def test_price_changed_in_mid_month(
    insert: Action, add_invoice: Action, prices: Query, days: list[str], listed: str
) -> None:
    """Each day has the last list price and cost of that day."""
    words = (
        ("2026-01-03 12:00:00+00", "10"),
        ("2026-01-15 05:00:00+00", "11"),  # midnight in Panama
        ("2026-01-16 04:59:59+00", "12"),
        (None, None),
    )
    for (since, price), (until, _) in pairwise(words):
        valid = {"_dlt_valid_from": since, "_dlt_valid_to": until}
        insert("products", id="5", price=price, cost=price, **valid)
    for day in days:
        add_invoice(day, "10", lines=line(1, "10"))

    assert prices("list_price, unit_cost") == [(listed, listed)]


def test_partly_known(insert: Action, add_invoice: Action, prices: Query) -> None:
    """If one line has no list price or no quantity, there is nothing to compare with."""
    insert("products", id="5", price="10", cost=None)
    add_invoice("2026-01-01", "1", customer_id="1", lines=line(1, "1"))
    add_invoice("2026-01-01", "2", customer_id="2", lines=line(1, "1") + line(None, "1"))
    add_invoice("2026-01-01", "0", customer_id="3", lines=line(1, "0", product_id=77))
    add_invoice("2026-01-01", "1", customer_id="4")

    assert prices("product_id, customer_id, list_price, unit_cost, is_below_list") == [
        ("(none)", "4", None, None, False),
        ("5", "1", "10.000000", None, True),
        ("5", "2", None, None, False),
        ("77", "3", None, None, False),
    ]


def test_another_currency(insert: Action, add_invoice: Action, prices: Query) -> None:
    """List price and cost are in the tenant's currency and are compared with no other."""
    insert("products", id="5", price="10", cost="7")
    add_invoice("2026-01-01", "1", lines=line(1, "1"))
    add_invoice("2026-01-01", "1", currency="EUR", lines=line(1, "1"))

    assert prices("currency, list_price, unit_cost, discount_share, is_below_cost") == [
        ("EUR", None, None, None, False),
        ("USD", "10.000000", "7.000000", "0.900000", True),
    ]


def test_returns(insert: Action, add_invoice: Action, prices: Query) -> None:
    """A return is subtracted at its list price of that day; for a quantity of 0 there is no
    price."""
    insert("products", id="5", price="10", cost="7")
    add_invoice("2026-01-01", "45", customer_id="1", lines=line(5, "45"))
    add_invoice("2026-01-02", "-9", total="-9", customer_id="1", lines=line(-1, "-9"))
    add_invoice("2026-01-01", "9", customer_id="2", lines=line(1, "9"))
    add_invoice("2026-01-02", "-9", total="-9", customer_id="2", lines=line(-1, "-9"))

    assert prices("customer_id, quantity, list_price, average_price, discount_share") == [
        ("1", "4.000000", "10.000000", "9.000000", "0.100000"),
        ("2", "0.000000", None, None, None),
    ]


def test_above_list(insert: Action, add_invoice: Action, prices: Query) -> None:
    """Above the list price the share is negative; with a list price of 0, or a negative net, there
    is none."""
    for number, price in (("5", "10"), ("6", "0"), ("7", "10")):
        insert("products", id=number, price=price)
    add_invoice("2026-01-01", "15", lines=line(1, "15"))
    add_invoice("2026-01-01", "15", lines=line(1, "15", product_id=6))
    add_invoice("2026-01-01", "-5", lines=line(1, "-5", product_id=7))

    assert prices("discount_share, is_below_list") == [
        ("-0.500000", False),
        (None, False),
        (None, True),
    ]


def test_not_live(add_invoice: Action, prices: Query) -> None:
    """Void, draft and deleted invoices do not count."""
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5", lines=line(1, "5"), **fields)

    assert prices("net") == []


def test_overflow(insert: Action, add_invoice: Action, prices: Query) -> None:
    """Any number of lines with huge prices breaks nothing."""
    insert("products", id="5", price=HUGE, cost=HUGE)
    add_invoice("2026-01-01", "1", customer_id="1", lines=line(HUGE, "0") * 400)

    assert ("5", None, False) in prices("product_id, list_price, is_below_list")
