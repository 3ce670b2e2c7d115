"""Tax rates and their validity."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _no_rates(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from raw.tax_rates")


def test_rate(insert: Action, query: Query) -> None:
    """A code is trimmed and in upper case; a rate without a first day was always valid."""
    insert("tax_rates", tax_code=" itbms7 ", rate="0.07", valid_to="2026-06-30", source="Ley 8")

    assert query(
        "select tax_code, tax_rate, valid_from, valid_to, source from staging.tax_rates"
    ) == [("ITBMS7", Decimal("0.070000"), date(1, 1, 1), date(2026, 6, 30), "Ley 8")]


@pytest.mark.parametrize("valid_to", [None, "2026-06-30", "2026-12-31"])
def test_new_rate(insert: Action, query: Query, valid_to: str | None) -> None:
    """A rate ends on the day before the next one starts, whatever its own last day."""
    insert("tax_rates", tax_code="ITBMS", rate="0.07", valid_from="2010-07-01", valid_to=valid_to)
    insert("tax_rates", tax_code="itbms", rate="0.08", valid_from="2026-07-01")
    insert("tax_rates", tax_code="EXENTO", rate="0", valid_from="2026-01-01")

    assert query(
        "select tax_code, tax_rate, valid_from, valid_to from staging.tax_rates order by 1, 3"
    ) == [
        ("EXENTO", Decimal(0), date(2026, 1, 1), None),
        ("ITBMS", Decimal("0.07"), date(2010, 7, 1), date(2026, 6, 30)),
        ("ITBMS", Decimal("0.08"), date(2026, 7, 1), None),
    ]


def test_gap(insert: Action, query: Query) -> None:
    """A rate that ends before the next one starts leaves a gap."""
    insert("tax_rates", tax_code="T", rate="0.05", valid_from="2010-01-01", valid_to="2010-06-30")
    insert("tax_rates", tax_code="T", rate="0.07", valid_from="2026-01-01")

    assert query("select valid_to from staging.tax_rates order by valid_from") == [
        (date(2010, 6, 30),),
        (None,),
    ]
