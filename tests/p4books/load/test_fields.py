"""Which fields does the API give, beside those of our own files?"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from p4books.endpoint import Kind
from p4books.endpoints import ENDPOINTS
from p4books.endpoints.products import PRODUCTS
from p4books.load import fields
from p4books.load.fields import Unknown

Hold = Callable[..., None]


def adopt(warehouse: Path, *rows: tuple[str, str, str]) -> None:
    with duckdb.connect(warehouse) as con:
        con.executemany("insert into raw.adopted values (?, ?, ?)", rows)


def test_nothing_adopted(warehouse: Path) -> None:
    """Where nothing was adopted, each endpoint is the registry's own."""
    assert fields.endpoints(warehouse) == ENDPOINTS
    assert fields.endpoints(warehouse.with_name("none.duckdb")) == ENDPOINTS


def test_adopted(warehouse: Path) -> None:
    """An adopted field stands after those of the file; the other endpoints are the registry's."""
    adopt(warehouse, ("products", "colour", "text"), ("products", "made_on", "day"))

    found = fields.endpoints(warehouse)

    more = {"colour": Kind.TEXT, "made_on": Kind.DAY}
    assert list(found["products"].fields.items()) == [*PRODUCTS.fields.items(), *more.items()]
    assert found["products"].inner == PRODUCTS.inner
    assert found["vendors"] is ENDPOINTS["vendors"]


@pytest.mark.parametrize("field", ["price", "unitofmeasure"])
def test_the_file_goes_before(warehouse: Path, field: str) -> None:
    """A field that the endpoint's file has by now is as the file says, however it is spelled."""
    adopt(warehouse, ("products", field, "text"), ("leads", "name", "text"))

    assert fields.endpoints(warehouse) == ENDPOINTS


def test_note(warehouse: Path, hold: Hold) -> None:
    """Noted are the names that nobody knows, since their first version; each once."""
    hold(PRODUCTS, '{"id":1,"price":0.12345678}', '{"colour":"red","id":2}', '{"a":1,"id":3}')
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.fields values ('products', 'a', '1999-01-01 00:00:00+00')")
        fields.note(con, PRODUCTS, "true")

    old, since = datetime(1999, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert fields.unknown(warehouse) == [
        Unknown("products", "a", old),
        Unknown("products", "colour", since),
    ]
    assert fields.unknown(warehouse.with_name("none.duckdb")) == []


def test_news() -> None:
    """Told are the fields that were not there before."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    before = [Unknown("vendors", "colour", at)]

    (said,) = fields.news(before, [*before, Unknown("products", "colour", at)])

    assert "`p4books adopt products.colour`" in said


def test_spelled() -> None:
    """A name is the same in any spelling, and its own comes first."""
    known = {"po_number", "ponumber", "number", "p_o_number"}

    assert fields.spelled("ponumber", known) == ["ponumber", "p_o_number", "po_number"]
