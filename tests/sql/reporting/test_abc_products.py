"""Which products make most of our sales?"""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def classes(tell: Ask) -> Ask:
    """Ask for columns of each product, by rank."""

    def classes(columns: str) -> list[tuple[Any, ...]]:
        return tell(f"select {columns} from reporting.abc_products order by currency, rank")

    return classes


@pytest.fixture
def product_sold(sold: Give) -> Give:
    """Sell a product for a net on a day."""

    def product_sold(product: object, net: str, day: str = "2026-06-01", **told: Any) -> None:
        sold(day, net, total=net, lines=[{"product_id": product, "subtotal": net}], **told)

    return product_sold


def test_nothing_sold(give: Give, as_of: Give, classes: Ask) -> None:
    """What was not sold has no class."""
    as_of("2026-06-30")
    give("products", id="5")

    assert classes("*") == []


def test_classes(give: Give, product_sold: Give, as_of: Give, classes: Ask) -> None:
    """A makes up to 80 % of the sales, B up to 95 %, C the rest; who crosses a line is of the
    better class."""
    as_of("2026-06-30")
    give("products", id="1", code="P1", name="Most")
    for product, net in enumerate(("60", "30", "7", "3"), start=1):
        product_sold(product, net)

    assert classes("*") == [
        ("1", "P1", "Most", "USD", "A", 1, "0.600000", "0.600000", "60.00"),
        ("2", None, "(unknown 2)", "USD", "A", 2, "0.300000", "0.900000", "30.00"),
        ("3", None, "(unknown 3)", "USD", "B", 3, "0.070000", "0.970000", "7.00"),
        ("4", None, "(unknown 4)", "USD", "C", 4, "0.030000", "1.000000", "3.00"),
    ]


@pytest.mark.parametrize(
    ("nets", "told"),
    [
        # exactly 80 % and 95 % are full
        (("80", "15", "5"), "ABC"),
        (("50", "30", "14", "6"), "AABB"),
        (("79.99", "15", "5.01"), "AAB"),
        (("80.01", "14.99", "5"), "ABC"),
        (("80.01", "14.98", "5.01"), "ABB"),
        (("0.80", "0.15", "0.05"), "ABC"),
        (("40", "40", "10", "5", "5"), "AABBC"),
        (("20", "20", "20", "20", "15", "5"), "AAAABC"),
        (("80000000.80", "14999999.20", "5000000.00"), "ABC"),
        (("79999999.99", "15000000.01", "5000000.00"), "AAC"),
        # one makes all of it
        (("1",), "A"),
        # what was given away, or given back
        (("10", "0"), "AC"),
        (("100", "-20"), "AC"),
        (("-1", "-2"), "CC"),
        (("-1",) * 6, "CCCCCC"),
        (("1", "-2"), "CC"),
        (("0",), "C"),
        (("5", "-5"), "CC"),
    ],
)
def test_borders(
    product_sold: Give, as_of: Give, classes: Ask, nets: tuple[str, ...], told: str
) -> None:
    """At its border a class is full, to the cent; what brought nothing is C."""
    as_of("2026-06-30")
    for product, net in enumerate(nets):
        product_sold(product, net)

    assert "".join(each for (each,) in classes("abc_class")) == told


@pytest.mark.parametrize(
    ("as_of_on", "first", "before"),
    [
        ("2026-06-30", "2025-07-01", "2025-06-30"),
        ("2026-06-15", "2025-06-16", "2025-06-15"),
        ("2024-02-29", "2023-03-01", "2023-02-28"),
        ("2025-03-01", "2024-03-02", "2024-03-01"),
    ],
)
def test_twelve_months(
    product_sold: Give, as_of: Give, classes: Ask, as_of_on: str, first: str, before: str
) -> None:
    """Sales of 12 months count, to the as-of day; what is dated later, or in 202, does not."""
    as_of(as_of_on)
    product_sold(5, "1", first)
    product_sold(5, "2", as_of_on)
    product_sold(5, "50", before)
    product_sold(5, "50", "9999-12-31")
    product_sold(5, "50", "0202-02-02")

    assert classes("net, net_share") == [("3.00", "1.000000")]


def test_ties(product_sold: Give, as_of: Give, classes: Ask) -> None:
    """Of those that sold as much the one with the lesser id stands first."""
    as_of("2026-06-30")
    for product in ("b", "c", "a"):
        product_sold(product, "1")

    assert classes("product_id, rank, cumulative_share") == [
        ("a", 1, "0.333333"),
        ("b", 2, "0.666667"),
        ("c", 3, "1.000000"),
    ]


def test_currencies(product_sold: Give, as_of: Give, classes: Ask) -> None:
    """Each currency has its own ranks and shares."""
    as_of("2026-06-30")
    product_sold(1, "90")
    product_sold(2, "10")
    product_sold(2, "1", currency="EUR")

    assert classes("currency, product_id, rank, abc_class, net_share") == [
        ("EUR", "2", 1, "A", "1.000000"),
        ("USD", "1", 1, "A", "0.900000"),
        ("USD", "2", 2, "B", "0.100000"),
    ]


def test_not_live(product_sold: Give, sold: Give, as_of: Give, classes: Ask) -> None:
    """Void ones, drafts and what is gone do not count; what a header has beyond its lines does."""
    as_of("2026-06-30")
    for told in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        product_sold(5, "50", **told)
    product_sold(5, "3")
    sold("2026-06-01", "1")

    assert classes("product_id, net") == [("5", "3.00"), ("(none)", "1.00")]


def test_shares_beyond_all_bounds(product_sold: Give, as_of: Give, classes: Ask) -> None:
    """Where what was given back takes nearly all, a share that no column holds is empty."""
    as_of("2026-06-30")
    product_sold(1, "9999999999999999.99")
    product_sold(2, "-9999999999999999.98")

    assert classes("net_share, abc_class") == [(None, "A"), (None, "C")]
