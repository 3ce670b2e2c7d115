"""How are cents reckoned and written?"""

from decimal import ROUND_HALF_UP, Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books_sandbox.sample_data.vocabulary import amount, half_away


@pytest.mark.parametrize(
    ("value", "unit", "rounded"),
    [(149, 100, 1), (150, 100, 2), (-149, 100, -1), (-150, 100, -2), (5, 10, 1), (-4, 10, 0)],
)
def test_halves_go_away_from_zero(value: int, unit: int, rounded: int) -> None:
    """A half is rounded away from zero, on either side of it."""
    assert half_away(value, unit) == rounded


@given(st.integers(-(10**12), 10**12), st.sampled_from([2, 10, 100]))
def test_as_decimals_round(value: int, unit: int) -> None:
    """Rounding is that of decimals in SQL."""
    exact = Decimal(value) / unit

    assert half_away(value, unit) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(-(10**12), 10**12))
def test_the_text_is_exact(cents: int) -> None:
    """The JSON of an amount is exact to the cent, with two decimals at most."""
    assert Decimal(orjson.dumps(amount(cents)).decode()) == Decimal(cents) / 100
