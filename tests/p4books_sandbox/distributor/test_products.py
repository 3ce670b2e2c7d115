"""What does the distributor sell?"""

import orjson
import pytest

from p4books_sandbox.options import chance
from p4books_sandbox.sample_data.master_data import catalog, encoded
from p4books_sandbox.sample_data.vocabulary import TAX_PERCENT


@pytest.mark.parametrize("count", [200, 5000])
def test_a_catalog(count: int) -> None:
    """Products have names and codes of their own, a price above the cost, and a known tax."""
    products = catalog(count, chance(7, "products"))
    records = [orjson.loads(row) for row in encoded(products)]

    assert [record["id"] for record in records] == list(range(1, count + 1))
    assert len({record["name"] for record in records}) == count
    assert len({record["code"] for record in records}) == count
    assert all(0 <= record["cost"] < record["price"] for record in records)
    assert {record["tax_code"] for record in records} == set(TAX_PERCENT)


def test_the_first_is_the_documented_one() -> None:
    """Product 1 is the one that the vendor's page shows."""
    first = orjson.loads(next(iter(encoded(catalog(200, chance(7, "products"))))))

    shown = {"id": 1, "code": "PROD-001", "name": "Widget A", "price": 25.0,
             "tax_code": "ITBMS", "status": "active"}  # fmt: skip
    assert first.items() >= shown.items()
