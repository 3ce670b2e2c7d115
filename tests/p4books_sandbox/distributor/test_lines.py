"""What stands on a document, and what does it come to?"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from p4books_sandbox.options import chance
from p4books_sandbox.sample_data.documents import Lines, Writer, taken_back
from p4books_sandbox.sample_data.master_data import catalog
from p4books_sandbox.sample_data.vocabulary import TAX_PERCENT

CENT = Decimal("0.01")


def _writer(count: int | None = None) -> Writer:
    return Writer(catalog(200, chance(7, "products")), count, chance(7, "lines"))


def _exact(row: dict[str, Any], key: str) -> Decimal:
    return Decimal(str(row.get(key) or 0))


def _round(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


@pytest.mark.parametrize("turn", [lambda lines: lines, taken_back])
def test_sums_hold(turn: Callable[[Lines], Lines]) -> None:
    """A line is quantity times price less discount; it, its tax and the sums are exact."""
    writer = _writer()
    for number in range(500):
        lines = turn(writer.lines(freight=number % 5 == 0, exempt=number % 7 == 0))
        subtotals = [_exact(row, "subtotal") for row in lines.rows]

        for row, subtotal in zip(lines.rows, subtotals, strict=True):
            product = _exact(row, "quantity") * _exact(row, "price") - _exact(row, "discount")
            assert _round(product) == subtotal
        taxes = [
            _round(subtotal * TAX_PERCENT[row["tax_code"]] / 100)
            for row, subtotal in zip(lines.rows, subtotals, strict=True)
        ]
        assert sum(subtotals) * 100 == lines.subtotal
        assert sum(taxes) * 100 == lines.tax


def test_one_to_eight() -> None:
    """Documents have one to eight lines, four as a rule."""
    writer = _writer()
    counts = [len(writer.lines().rows) for _ in range(2000)]

    assert set(counts) == set(range(1, 9))
    assert 3.8 < sum(counts) / len(counts) < 4.5


def test_exactly_so_many() -> None:
    """For a measurement all documents have the same number of lines, freight counted."""
    writer = _writer(6)

    assert {len(writer.lines(freight=free).rows) for free in (True, False) * 20} == {6}


def test_numbers() -> None:
    """Lines are numbered from 1."""
    rows = _writer(5).lines().rows

    assert [row["line_number"] for row in rows] == [1, 2, 3, 4, 5]


def test_freight_is_the_last_and_no_product() -> None:
    """Freight has no product, no discount, and its own description."""
    *sold, freight = _writer(4).lines(freight=True).rows

    assert (freight["product_id"], "discount" in freight) == (None, False)
    assert all(row["product_id"] for row in sold)


def test_exempt_customers_pay_no_tax_on_goods() -> None:
    """Who is exempt has only exempt goods."""
    lines = _writer(8).lines(exempt=True)

    assert {row["tax_code"] for row in lines.rows} == {"EXENTO"}
    assert lines.tax == 0


def test_we_pay_the_cost() -> None:
    """What we order has the prices we pay."""
    products = {product.id: product for product in catalog(200, chance(7, "products"))}

    for row in _writer(8).lines(cost=True).rows:
        assert row["price"] == products[row["product_id"]].cost / 100


def test_measures_have_fractions() -> None:
    """What is sold by measure comes in tenths, the rest in whole units."""
    writer = _writer(8)
    rows = [row for _ in range(200) for row in writer.lines().rows]
    by_measure = {p.id for p in catalog(200, chance(7, "products")) if p.by_measure}

    broken = {row["product_id"] for row in rows if row["quantity"] % 1}
    assert broken
    assert broken <= by_measure


def test_taken_back() -> None:
    """A credit note turns the sign of quantities and amounts, and leaves prices alone."""
    lines = _writer(8).lines(freight=True)
    back = taken_back(lines)

    assert (back.subtotal, back.tax) == (-lines.subtotal, -lines.tax)
    for row, turned in zip(lines.rows, back.rows, strict=True):
        assert turned["price"] == row["price"] > 0
        assert turned["quantity"] == -row["quantity"] < 0
        assert turned["subtotal"] == -row["subtotal"]
