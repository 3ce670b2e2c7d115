"""Which fields does the API give, beside those of our own files?"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import FieldType
from p4books.endpoints.products import PRODUCTS
from p4books.load.schema import (
    UnknownField,
    describe_new_fields,
    load_endpoints,
    load_unknown_fields,
    match_spellings,
    record_unknown_fields,
)

Hold = Callable[..., None]


def adopt(warehouse: Path, *rows: tuple[str, str, str]) -> None:
    with duckdb.connect(warehouse) as con:
        con.executemany("insert into raw.adopted values (?, ?, ?)", rows)


def test_nothing_adopted(warehouse: Path) -> None:
    """Where nothing was adopted, each endpoint is the registry's own."""
    assert load_endpoints(warehouse) == ENDPOINTS
    assert load_endpoints(warehouse.with_name("none.duckdb")) == ENDPOINTS


def test_adopted(warehouse: Path) -> None:
    """An adopted field stands after those of the file; the other endpoints are the registry's."""
    adopt(warehouse, ("products", "colour", "text"), ("products", "made_on", "day"))

    found = load_endpoints(warehouse)

    more = {"colour": FieldType.TEXT, "made_on": FieldType.DAY}
    assert list(found["products"].fields.items()) == [*PRODUCTS.fields.items(), *more.items()]
    assert found["products"].inner == PRODUCTS.inner
    assert found["vendors"] is ENDPOINTS["vendors"]


@pytest.mark.parametrize("field", ["price", "unitofmeasure"])
def test_the_file_goes_before(warehouse: Path, field: str) -> None:
    """A field that the endpoint's file has by now is as the file says, however it is spelled."""
    adopt(warehouse, ("products", field, "text"), ("leads", "name", "text"))

    assert load_endpoints(warehouse) == ENDPOINTS


def test_note(warehouse: Path, hold: Hold) -> None:
    """Noted are the names that nobody knows, since their first version; each once."""
    hold(PRODUCTS, '{"id":1,"price":0.12345678}', '{"colour":"red","id":2}', '{"a":1,"id":3}')
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.fields values ('products', 'a', '1999-01-01 00:00:00+00')")
        record_unknown_fields(con, PRODUCTS, "true")

    old, since = datetime(1999, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert load_unknown_fields(warehouse) == [
        UnknownField("products", "a", old),
        UnknownField("products", "colour", since),
    ]
    assert load_unknown_fields(warehouse.with_name("none.duckdb")) == []


def test_news() -> None:
    """Told are the fields that were not there before."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    before = [UnknownField("vendors", "colour", at)]

    (said,) = describe_new_fields(before, [*before, UnknownField("products", "colour", at)])

    assert "`p4books adopt products.colour`" in said


def test_spelled() -> None:
    """A name is the same in any spelling, and its own comes first."""
    known = {"po_number", "ponumber", "number", "p_o_number"}

    assert match_spellings("ponumber", known) == ["ponumber", "p_o_number", "po_number"]
