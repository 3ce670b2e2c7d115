"""Values of a record: ids, and what is no text."""

from decimal import Decimal

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.extract.record import normalize_id, separate_misfits


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        (1, 1),
        (1.0, 1),
        (-0.0, 0),
        (Decimal("1.00"), 1),
        (Decimal("1E+2"), 100),
        (1e23, 10**23),
        (" A ", "A"),
        ("1.0", "1"),
    ],
)
def test_normalize_id(value: object, id_: object) -> None:
    """A whole number is an integer, whatever its type was; a text has one spelling."""
    assert normalize_id(value) == id_
    assert type(normalize_id(value)) is type(id_)


@pytest.mark.parametrize(
    "value",
    [None, True, [1], {}, 1.5, float("inf"), Decimal("NaN"), Decimal("1e400"), Decimal("1e999999")],
)
def test_no_id(value: object) -> None:
    """What is no id is returned unchanged."""
    assert normalize_id(value) is value


def test_without_misfits() -> None:
    """A record without misfits is returned unchanged."""
    record = {"id": 1, "name": "A", "code": 5, "addresses": [{"city": "Colón"}], "new": [True]}

    assert separate_misfits(record, CUSTOMERS) is record


def test_misfits_in_order() -> None:
    """Misfits are sorted by field, so that a record is the same text in whatever order it came."""
    record = {"status": True, "name": [], "id": 1, "addresses": [{"city": False}, "Calle 50"]}

    assert separate_misfits(record, CUSTOMERS) == {
        "id": 1,
        "addresses": [{}, None],
        "text misfits": [
            {"field": "addresses[1].city", "value": "false"},
            {"field": "addresses[2]", "value": '"Calle 50"'},
            {"field": "name", "value": "[]"},
            {"field": "status", "value": "true"},
        ],
    }
