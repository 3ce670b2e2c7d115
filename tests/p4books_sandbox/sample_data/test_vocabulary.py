"""Names and goods, dates, amounts and sizes of the sample data."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.vocabulary import (
    LAST,
    choose_instant,
    choose_sizes,
    divide_half_away,
    format_day,
    format_office_time,
    shift_dates,
    to_amount,
)


def test_goods_of_every_tax() -> None:
    """There are goods of every ITBMS rate, and no rate without goods."""
    assert {goods[3] for goods in vocabulary.GOODS} == set(vocabulary.TAX_PERCENT)
    assert sorted(vocabulary.TAX_PERCENT.values()) == [0, 7, 10, 15]


def test_goods_of_every_type() -> None:
    """There are goods of every product type."""
    assert {goods[4] for goods in vocabulary.GOODS} == {"Inventory", "Service", "NonInventory"}


@pytest.mark.parametrize("names", ["GOODS", "BRANDS", "PACKS", "NAMES"])
def test_names_are_distinct(names: str) -> None:
    """Goods, brands, packs and names differ, so that products do."""
    values = [each[0] if names == "GOODS" else each for each in getattr(vocabulary, names)]

    assert len(set(values)) == len(values)


def test_sizes_without_invoices() -> None:
    """A distributor without invoices still has products, customers and vendors."""
    sizes = choose_sizes(0)

    assert (sizes.products, sizes.customers, sizes.vendors) == (200, 60, 20)
    assert sizes.purchase_orders == 0


@pytest.mark.parametrize("invoices", [1, 500, 2000, 200_000])
def test_sizes_grow_with_invoices(invoices: int) -> None:
    """More invoices mean more of everything, within limits."""
    small, large = choose_sizes(invoices), choose_sizes(invoices * 2)

    assert small.purchase_orders == -(-invoices // 5)
    assert 200 <= small.products <= large.products <= 5000
    assert 60 <= small.customers <= large.customers <= 10_000
    assert 20 <= small.vendors <= large.vendors <= 1000


def test_three_years() -> None:
    """Days are counted from the first to the last of three years."""
    assert format_day(0) == "2023-07-01"
    assert format_day(LAST) == "2026-06-30" == vocabulary.LAST_DAY.isoformat()


@pytest.mark.parametrize("count", [1, 2, 7, 1096, 5000])
def test_instants_rise_to_the_last_day(count: int) -> None:
    """Documents are spread over all days in the order of their numbers, up to the last day."""
    instants = [choose_instant(number, count) for number in range(1, count + 1)]

    assert instants == sorted(instants)
    assert instants[0][0] >= 0
    assert instants[-1][0] == LAST


@pytest.mark.parametrize(("share", "time"), [(0, "T12:00:00Z"), (0.5, "T17:30:00Z")])
def test_office_time(share: float, time: str) -> None:
    """Documents are created in office hours of Panama, written in UTC."""
    assert format_office_time(share) == time
    assert datetime.fromisoformat("2026-06-30" + format_office_time(0.999)).hour == 22


def test_shifted_dates() -> None:
    """Every date moves, with its time; a text that only looks like one does not."""
    row = b'{"on":"2026-06-30","at":"2026-02-28T12:00:00Z","tax_id":"1-2026-06-30","n":2026}'

    assert list(shift_dates([row], 1)) == [
        b'{"on":"2026-07-01","at":"2026-03-01T12:00:00Z","tax_id":"1-2026-06-30","n":2026}'
    ]
    assert list(shift_dates([row], 0)) == [row]


@pytest.mark.parametrize(
    ("value", "divisor", "rounded"),
    [(149, 100, 1), (150, 100, 2), (-149, 100, -1), (-150, 100, -2), (5, 10, 1), (-4, 10, 0)],
)
def test_halves_are_rounded_away_from_zero(value: int, divisor: int, rounded: int) -> None:
    """A half is rounded away from zero, on both sides of it."""
    assert divide_half_away(value, divisor) == rounded


@given(st.integers(-(10**12), 10**12), st.sampled_from([2, 10, 100]))
def test_rounding_of_sql_decimals(value: int, divisor: int) -> None:
    """Rounding is that of SQL decimals."""
    exact = Decimal(value) / divisor

    assert divide_half_away(value, divisor) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(-(10**12), 10**12))
def test_text_of_an_amount_is_exact(cents: int) -> None:
    """The JSON of an amount is exact to the cent, with two decimals at most."""
    assert Decimal(orjson.dumps(to_amount(cents)).decode()) == Decimal(cents) / 100
