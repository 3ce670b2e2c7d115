"""Products, customers and vendors of the sample data."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from panama_ruc_dv_calculator.ruc_juridica import RucJuridica

from p4books_sandbox.options import seeded_random
from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.master_data import (
    choose_joining_day,
    count_joined,
    encode_customers,
    encode_products,
    encode_vendors,
    make_buyers,
    make_catalog,
)


def _parse(rows: Iterable[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(row) for row in rows]


@pytest.fixture(scope="module")
def customers() -> list[dict[str, Any]]:
    """Sixty customers; each owes as many cents as its id."""
    return _parse(encode_customers(make_buyers(60), list(range(61))))


@pytest.mark.parametrize("count", [200, 5000])
def test_products(count: int) -> None:
    """Products have names and codes of their own, a price above the cost, and a known tax."""
    records = _parse(encode_products(make_catalog(count, seeded_random(7, "products"))))

    assert [record["id"] for record in records] == list(range(1, count + 1))
    assert len({record["name"] for record in records}) == count
    assert len({record["code"] for record in records}) == count
    assert all(0 <= record["cost"] < record["price"] for record in records)
    assert {record["tax_code"] for record in records} == set(vocabulary.TAX_PERCENT)


def test_first_product_is_the_documented_one() -> None:
    """Product 1 is the one on the vendor's documentation page."""
    (first, *_) = _parse(encode_products(make_catalog(200, seeded_random(7, "products"))))

    documented = {"id": 1, "code": "PROD-001", "name": "Widget A", "price": 25.0,
                  "tax_code": "ITBMS", "status": "active"}  # fmt: skip
    assert first.items() >= documented.items()


def test_balance_of_customers(customers: list[dict[str, Any]]) -> None:
    """A customer's balance is what it owes, by id."""
    assert [record["balance"] for record in customers] == [cents / 100 for cents in range(1, 61)]


def test_tax_ids(customers: list[dict[str, Any]]) -> None:
    """The check digits in tax ids are right; those of natural persons are left out."""
    vendors = _parse(encode_vendors(40, [0] * 41))
    ids = [record["tax_id"] for record in (*customers, *vendors) if record.get("tax_id")]
    with_digits = [each.split(" DV ") for each in ids if " DV " in each]

    assert len(ids) > len(with_digits) > 40
    assert all(RucJuridica(company).dv == digits for company, digits in with_digits)


def test_terms_and_exemption_of_customers(customers: list[dict[str, Any]]) -> None:
    """The terms and the exemption that sales use are those of the customer's record."""
    days = dict(vocabulary.TERMS)

    for buyer, record in zip(make_buyers(60), customers, strict=True):
        assert days[record["payment_terms"]] == buyer.terms
        assert (record["tax_code"] == "EXENTO") is buyer.exempt


def test_awkward_names(customers: list[dict[str, Any]]) -> None:
    """Names have accents, quotes of both kinds, commas, emoji, tabs and a leading =."""
    names = [record["name"] for record in customers]

    assert set(vocabulary.AWKWARD) <= set(names)
    assert all(any(sign in name for name in names) for sign in "áéíóñ'\",🛒\t;\\&<")
    assert any(name.startswith("=") for name in names)


@pytest.mark.parametrize("count", [60, 140, 10_000])
def test_codes_are_distinct(count: int) -> None:
    """Codes are a customer's own, and nearly all tax ids; names may be shared."""
    records = _parse(encode_customers(make_buyers(count), [0] * (count + 1)))

    assert len({record["code"] for record in records}) == count
    assert len({record["tax_id"] for record in records}) > count * 0.9


def test_addresses(customers: list[dict[str, Any]]) -> None:
    """Customers have no address, one for both uses, or one for bills and one for goods."""
    types = {tuple(each["address_type"] for each in record["addresses"]) for record in customers}

    assert types == {(), ("Both",), ("Billing", "Shipping")}


def test_vendors_have_no_addresses() -> None:
    """A vendor has the contract's fields: no addresses, no tax code, no credit limit."""
    for record in _parse(encode_vendors(20, [0] * 21)):
        assert not {"addresses", "tax_code", "credit_limit"} & set(record)


@pytest.mark.parametrize("count", [20, 61, 1000])
@pytest.mark.parametrize("day", [-3, 0, 500, 1064, vocabulary.LAST])
def test_joined_parties(count: int, day: int) -> None:
    """On any day at least one party has joined, none that joins later, and at most all."""
    joined = count_joined(day, count)

    assert 1 <= joined <= count
    assert choose_joining_day(joined, count) <= day
    assert joined == count or choose_joining_day(joined + 1, count) >= day
