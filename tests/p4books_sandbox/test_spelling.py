"""How are names spelt?"""

import pytest

from p4books_sandbox.render import SPELLINGS, key_of, value_of


@pytest.mark.parametrize(
    ("name", "snake", "pascal", "camel"),
    [
        ("id", "id", "Id", "id"),
        ("sales_order_id", "sales_order_id", "SalesOrderId", "salesOrderId"),
        ("line1", "line1", "Line1", "line1"),
        ("DocumentDate", "DocumentDate", "DocumentDate", "documentDate"),
    ],
)
def test_spellings(name: str, snake: str, pascal: str, camel: str) -> None:
    """A name is spelt in three ways; what is in another spelling already is not torn apart."""
    assert [spell(name) for spell in SPELLINGS.values()] == [snake, pascal, camel]


def test_a_name_is_found_in_any_spelling() -> None:
    """A key is found however it is spelt, and never for a part of it."""
    record = {"DocumentDate": "2026-03-31", "ID": 5, "identity": 1}

    assert (key_of(record, "document_date"), value_of(record, "id")) == ("DocumentDate", 5)
    assert (key_of(record, "date"), value_of({"identity": 1}, "id")) == (None, None)
