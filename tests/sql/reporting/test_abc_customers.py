"""Which customers make most of our sales?"""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def classes(tell: Ask) -> Ask:
    """Ask for columns of each customer, by rank."""

    def classes(columns: str) -> list[tuple[Any, ...]]:
        return tell(f"select {columns} from reporting.abc_customers order by currency, rank")

    return classes


def test_nothing_sold(give: Give, as_of: Give, classes: Ask) -> None:
    """Who bought nothing has no class."""
    as_of("2026-06-30")
    give("customers", id="1")

    assert classes("*") == []


def test_classes(give: Give, sold: Give, as_of: Give, classes: Ask) -> None:
    """A makes up to 80 % of the sales, B up to 95 %, C the rest; documents of nobody, and of whom
    nobody knows, are among them."""
    as_of("2026-06-30")
    give("customers", id="1", code="C1", name="Most")
    sold("2026-06-01", "50", customer_id="1", lines=[{"subtotal": "1"}] * 3)
    sold("2026-05-01", "30", customer_id="1")
    sold("2026-06-01", "15")
    sold("2026-06-01", "5", customer_id="7")

    assert classes("*") == [
        ("1", "C1", "Most", "USD", "A", 1, "0.800000", "0.800000", "80.00"),
        ("(none)", None, "(none)", "USD", "B", 2, "0.150000", "0.950000", "15.00"),
        ("7", None, "(unknown 7)", "USD", "C", 3, "0.050000", "1.000000", "5.00"),
    ]


@pytest.mark.parametrize(
    ("nets", "told"),
    [
        # exactly 80 % and 95 % are full
        (("80", "15", "5"), "ABC"),
        (("50", "30", "14", "6"), "AABB"),
        (("79.99", "15", "5.01"), "AAB"),
        (("80.01", "14.98", "5.01"), "ABB"),
        (("0.80", "0.15", "0.05"), "ABC"),
        (("79999999.99", "15000000.01", "5000000.00"), "AAC"),
        # who brought nothing, or gave back more
        (("10", "0"), "AC"),
        (("100", "-20"), "AC"),
        (("-1", "-2"), "CC"),
        (("-1",) * 6, "CCCCCC"),
        (("1", "-2"), "CC"),
        (("5", "-5"), "CC"),
    ],
)
def test_borders(sold: Give, as_of: Give, classes: Ask, nets: tuple[str, ...], told: str) -> None:
    """At its border a class is full, to the cent; who brought nothing is C."""
    as_of("2026-06-30")
    for customer, net in enumerate(nets):
        sold("2026-06-01", net, total=net, customer_id=str(customer))

    assert "".join(each for (each,) in classes("abc_class")) == told


def test_twelve_months(sold: Give, as_of: Give, classes: Ask) -> None:
    """Sales of 12 months count, to the as-of day."""
    as_of("2026-06-30")
    for day, net in (("2025-06-30", "50"), ("2025-07-01", "1"), ("2026-06-30", "2")):
        sold(day, net, customer_id="1")
    sold("2026-07-01", "50", customer_id="1")

    assert classes("net") == [("3.00",)]


def test_ties_and_currencies(sold: Give, as_of: Give, classes: Ask) -> None:
    """Of those that bought as much the one with the lesser id stands first, in each currency."""
    as_of("2026-06-30")
    for customer in ("b", "a"):
        sold("2026-06-01", "1", customer_id=customer)
        sold("2026-06-01", "1", customer_id=customer, currency="EUR")

    assert classes("currency, customer_id, rank") == [
        ("EUR", "a", 1),
        ("EUR", "b", 2),
        ("USD", "a", 1),
        ("USD", "b", 2),
    ]


def test_not_live(sold: Give, as_of: Give, classes: Ask) -> None:
    """Void ones, drafts and what is gone do not count; a credit note is subtracted."""
    as_of("2026-06-30")
    for told in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        sold("2026-06-01", "50", customer_id="1", **told)
    sold("2026-06-01", "3", customer_id="1")
    sold("2026-06-01", "-1", total="-1.07", customer_id="1")

    assert classes("net, abc_class") == [("2.00", "A")]
