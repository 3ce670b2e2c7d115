"""Tax rates and the days on which they are valid."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _no_rates(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from raw.tax_rates")


def test_a_rate(give: Give, ask: Ask) -> None:
    """A code is written large and without blanks; what has no beginning was always so."""
    give("tax_rates", tax_code=" itbms7 ", rate="0.07", valid_to="2026-06-30", source="Ley 8")

    assert ask(
        "select tax_code, tax_rate, valid_from, valid_to, source from staging.tax_rates"
    ) == [("ITBMS7", Decimal("0.070000"), date(1, 1, 1), date(2026, 6, 30), "Ley 8")]


@pytest.mark.parametrize("valid_to", [None, "2026-06-30", "2026-12-31"])
def test_a_new_rate(give: Give, ask: Ask, valid_to: str | None) -> None:
    """A rate ends on the day before the next one begins, whatever was written."""
    give("tax_rates", tax_code="ITBMS", rate="0.07", valid_from="2010-07-01", valid_to=valid_to)
    give("tax_rates", tax_code="itbms", rate="0.08", valid_from="2026-07-01")
    give("tax_rates", tax_code="EXENTO", rate="0", valid_from="2026-01-01")

    assert ask(
        "select tax_code, tax_rate, valid_from, valid_to from staging.tax_rates order by 1, 3"
    ) == [
        ("EXENTO", Decimal(0), date(2026, 1, 1), None),
        ("ITBMS", Decimal("0.07"), date(2010, 7, 1), date(2026, 6, 30)),
        ("ITBMS", Decimal("0.08"), date(2026, 7, 1), None),
    ]


def test_a_gap(give: Give, ask: Ask) -> None:
    """A rate that ended before the next one began stays ended."""
    give("tax_rates", tax_code="T", rate="0.05", valid_from="2010-01-01", valid_to="2010-06-30")
    give("tax_rates", tax_code="T", rate="0.07", valid_from="2026-01-01")

    assert ask("select valid_to from staging.tax_rates order by valid_from") == [
        (date(2010, 6, 30),),
        (None,),
    ]
