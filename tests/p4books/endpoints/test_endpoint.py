"""What is an endpoint?"""

import dataclasses

import duckdb
import pytest

from p4books.endpoints.definition import Endpoint, FieldType

ORDERS = Endpoint("sales_orders", {"id": FieldType.TEXT, "total": FieldType.MONEY}, {"lines": {}})


def test_path() -> None:
    """An endpoint's path is its name with hyphens."""
    assert ORDERS.path == "sales-orders"


def test_known() -> None:
    """Known are the fields and the inner lists of a record."""
    assert ORDERS.known == {"id", "total", "lines"}


def test_writable_as_a_rule() -> None:
    """An endpoint takes new records unless it says otherwise, and has no inner lists."""
    plain = Endpoint("things", {})

    assert plain.writable
    assert plain.inner == {}


def test_it_stands() -> None:
    """An endpoint is data that nobody changes, and serves as a key."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ORDERS.name = "others"  # type: ignore[misc]

    assert {ORDERS: 1}[ORDERS] == 1


@pytest.mark.parametrize("kind", FieldType)
def test_kind_is_a_type(kind: FieldType) -> None:
    """Each kind's value is a type that DuckDB knows, none of them a float."""
    (found,) = duckdb.sql(f"select typeof(null::{kind.value})").fetchone() or ("",)

    assert "DOUBLE" not in found
    assert "FLOAT" not in found


def test_decimals() -> None:
    """A number's decimals are those of its type; what is no number has none."""
    decimals = {kind: kind.decimals for kind in FieldType if kind.decimals is not None}

    assert decimals == {FieldType.MONEY: 2, FieldType.MEASURE: 6, FieldType.COUNT: 0}
    assert all(f", {places})" in kind.value for kind, places in decimals.items() if places)
