"""Prices compared with list price and cost."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

HUGE = "999999999999.999999"


@pytest.fixture
def prices(tell: Ask) -> Ask:
    """Ask for columns of each product, customer and month."""

    def prices(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select {columns} from reporting.price_realisation"
            " order by month_on, product_id, customer_id, currency"
        )

    return prices


def line(quantity: object, net: str, **told: Any) -> list[dict[str, Any]]:
    """One line of product 5."""
    return [{"product_id": 5, "quantity": quantity, "subtotal": net, **told}]


def test_nothing_sold(give: Give, ask: Ask) -> None:
    """A product that was not sold has no row."""
    give("products", id="5", price="10")

    assert ask("select * from reporting.price_realisation") == []


def test_a_price(give: Give, sold: Give, prices: Ask) -> None:
    """What was got for a product is set against its list price and its cost."""
    give("products", id="5", code="P5", name="Thing", price="10", cost="7.5")
    give("customers", id="1", name="Buyer")
    sold("2026-01-01", "40", customer_id="1", lines=line(4, "40", price=10))
    discounted = line(4, "32", price=10, discount=20)
    sold("2026-01-31", "32", customer_id="1", lines=discounted)

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
        # what is given back is no sale at a price
        (-2, "-20.00", (False, False)),
        (-2, "-30.00", (False, False)),
        # without a quantity there is no price
        (0, "-5.00", (False, False)),
        (None, "5.00", (False, False)),
    ],
)
def test_below(
    give: Give, sold: Give, prices: Ask, quantity: int | None, net: str, flags: tuple[bool, bool]
) -> None:
    """A cent below is below, at the price is not."""
    give("products", id="5", price="10", cost="7")
    sold("2026-01-01", net, total=net, lines=line(quantity, net))

    assert prices("is_below_list, is_below_cost") == [flags]


@pytest.mark.parametrize(("net", "below"), [("1.00", False), ("0.99", True)])
def test_rounding_of_a_line(give: Give, sold: Give, prices: Ask, net: str, below: bool) -> None:
    """A price of parts of a cent can't be got to the cent: half a cent a line is no discount."""
    give("products", id="5", price="0.335", cost="0.335")
    sold("2026-01-01", net, lines=line(3, net))

    assert prices("is_below_list, is_below_cost") == [(below, below)]


@pytest.mark.parametrize(("last", "below"), [("0.33", False), ("0.32", True)])
def test_rounding_of_many_lines(
    give: Give, sold: Give, prices: Ask, last: str, below: bool
) -> None:
    """Each line may be rounded by itself: three of 0.335 may bring 0.99."""
    give("products", id="5", price="0.335")
    for each in ("0.33", "0.33", last):
        sold("2026-01-01", each, lines=line(1, each))

    assert prices("is_below_list") == [(below,)]


@pytest.mark.parametrize(
    ("days", "listed"),
    [
        # before history began: the first word
        (["2025-12-31"], "10.000000"),
        (["0202-02-02"], "10.000000"),
        (["2026-01-14"], "10.000000"),
        # the last word of the day, in Panama
        (["2026-01-15"], "12.000000"),
        (["2026-01-16"], "12.000000"),
        (["9999-12-31"], "12.000000"),
        # by quantity over the month
        (["2026-01-14", "2026-01-15", "2026-01-16"], "11.333333"),
    ],
)
def test_a_price_changed_in_mid_month(
    give: Give, sold: Give, prices: Ask, days: list[str], listed: str
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
        give("products", id="5", price=price, cost=price, **valid)
    for day in days:
        sold(day, "10", lines=line(1, "10"))

    assert prices("list_price, unit_cost") == [(listed, listed)]


def test_known_of_some_lines_only(give: Give, sold: Give, prices: Ask) -> None:
    """As soon as one line has no list price, or no quantity, there is none to compare with."""
    give("products", id="5", price="10", cost=None)
    sold("2026-01-01", "1", customer_id="1", lines=line(1, "1"))
    sold("2026-01-01", "2", customer_id="2", lines=line(1, "1") + line(None, "1"))
    sold("2026-01-01", "0", customer_id="3", lines=line(1, "0", product_id=77))
    sold("2026-01-01", "1", customer_id="4")

    assert prices("product_id, customer_id, list_price, unit_cost, is_below_list") == [
        ("(none)", "4", None, None, False),
        ("5", "1", "10.000000", None, True),
        ("5", "2", None, None, False),
        ("77", "3", None, None, False),
    ]


def test_another_currency(give: Give, sold: Give, prices: Ask) -> None:
    """List price and cost are in the tenant's currency: nothing else is compared with them."""
    give("products", id="5", price="10", cost="7")
    sold("2026-01-01", "1", lines=line(1, "1"))
    sold("2026-01-01", "1", currency="EUR", lines=line(1, "1"))

    assert prices("currency, list_price, unit_cost, discount_share, is_below_cost") == [
        ("EUR", None, None, None, False),
        ("USD", "10.000000", "7.000000", "0.900000", True),
    ]


def test_given_back(give: Give, sold: Give, prices: Ask) -> None:
    """What is given back is subtracted at its list price of the day; of nothing there is none."""
    give("products", id="5", price="10", cost="7")
    sold("2026-01-01", "45", customer_id="1", lines=line(5, "45"))
    sold("2026-01-02", "-9", total="-9", customer_id="1", lines=line(-1, "-9"))
    sold("2026-01-01", "9", customer_id="2", lines=line(1, "9"))
    sold("2026-01-02", "-9", total="-9", customer_id="2", lines=line(-1, "-9"))

    assert prices("customer_id, quantity, list_price, average_price, discount_share") == [
        ("1", "4.000000", "10.000000", "9.000000", "0.100000"),
        ("2", "0.000000", None, None, None),
    ]


def test_above_list(give: Give, sold: Give, prices: Ask) -> None:
    """Above list the share is less than 0; of a list price of 0 there is none."""
    give("products", id="5", price="10")
    give("products", id="6", price="0")
    sold("2026-01-01", "15", lines=line(1, "15"))
    sold("2026-01-01", "15", lines=line(1, "15", product_id=6))

    assert prices("discount_share, is_below_list") == [("-0.500000", False), (None, False)]


def test_not_sold(sold: Give, prices: Ask) -> None:
    """Void ones, drafts and what is gone were not sold."""
    for told in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        sold("2026-01-01", "5", lines=line(1, "5"), **told)

    assert prices("net") == []


def test_absurd_prices(give: Give, sold: Give, prices: Ask) -> None:
    """However many lines of absurd prices there are, they stop nothing."""
    give("products", id="5", price=HUGE, cost=HUGE)
    sold("2026-01-01", "1", customer_id="1", lines=line(HUGE, "0") * 400)

    assert ("5", None, False) in prices("product_id, list_price, is_below_list")
