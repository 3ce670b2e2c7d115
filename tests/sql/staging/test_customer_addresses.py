"""Addresses of customers."""

import json
from collections.abc import Callable
from typing import Any

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HOME = {
    "address_type": "Both",
    "line1": "Calle 50, n.º 2",
    "line2": "Piso 2",
    "city": "San Miguelito",
    "state": "Panamá",
    "postal_code": "0017",
    "country": "PA",
}


def test_address(insert: Action, query: Query) -> None:
    """Each address is one row, numbered by position; leading zeros of a postal code are kept."""
    insert("customers", id="7", addresses=json.dumps([HOME, {"city": "Colón"}]))

    assert query("from staging.customer_addresses order by all") == [
        ("7", 1, "Both", "Calle 50, n.º 2", "Piso 2", "San Miguelito", "Panamá", "0017", "PA"),
        ("7", 2, None, None, None, "Colón", None, None, None),
    ]


def test_without_addresses(insert: Action, query: Query) -> None:
    """A customer without an address has no row."""
    insert("customers", id="1", addresses=None)
    insert("customers", id="2", addresses="[]")

    assert query("from staging.customer_addresses") == []


def test_old_versions(insert: Action, query: Query) -> None:
    """Only the addresses of the current version count."""
    old, new = (json.dumps([{"city": city}]) for city in ("old", "new"))
    insert("customers", id="1", addresses=old, _dlt_valid_to="2026-01-02")
    insert("customers", id="1", addresses=new, _dlt_valid_from="2026-01-02")
    insert("customers", id="2", addresses=old, _dlt_valid_to="2026-01-02")

    assert query("select customer_id, city from staging.customer_addresses") == [("1", "new")]


def test_no_addresses(insert: Action, query: Query) -> None:
    """What is no address only takes its place."""
    insert("customers", id="7", addresses=json.dumps([None, {"city": "Colón"}]))

    assert query("select address_number, city from staging.customer_addresses") == [(2, "Colón")]
