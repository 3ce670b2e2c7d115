"""Who buys from the distributor, and who sells to it?"""

import orjson
import pytest

from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.master_data import buyers, customers, joined, known, vendors


def test_customers_carry_what_they_owe() -> None:
    """A customer's balance is what it was said to owe, by id."""
    records = [orjson.loads(row) for row in customers(buyers(60), list(range(61)))]

    assert [record["balance"] for record in records] == [cents / 100 for cents in range(1, 61)]


def test_terms_and_exemption_are_the_buyer_s() -> None:
    """What sales reckon with is what the customer's record says."""
    made = buyers(60)
    days_of = dict(vocabulary.TERMS)

    for buyer, row in zip(made, customers(made, [0] * 61), strict=True):
        record = orjson.loads(row)
        assert days_of[record["payment_terms"]] == buyer.terms
        assert (record["tax_code"] == "EXENTO") is buyer.exempt


def test_awkward_names() -> None:
    """Accents, quotes of both kinds, commas, emoji, tabs and a leading = stand in the names."""
    names = [orjson.loads(row)["name"] for row in customers(buyers(60), [0] * 61)]

    assert set(vocabulary.AWKWARD) <= set(names)
    assert all(any(sign in name for name in names) for sign in "áéíóñ'\",🛒\t;\\&<")
    assert any(name.startswith("=") for name in names)


@pytest.mark.parametrize("count", [60, 140, 10_000])
def test_names_and_codes(count: int) -> None:
    """Codes and tax ids are a customer's own; names may be shared, as names are."""
    records = [orjson.loads(row) for row in customers(buyers(count), [0] * (count + 1))]

    assert len({record["code"] for record in records}) == count
    assert len({record["tax_id"] for record in records}) > count * 0.9


def test_addresses() -> None:
    """Customers have no address, one for both, or one for bills and one for goods."""
    records = [orjson.loads(row) for row in customers(buyers(60), [0] * 61)]

    kinds = {tuple(each["address_type"] for each in record["addresses"]) for record in records}
    assert kinds == {(), ("Both",), ("Billing", "Shipping")}


def test_vendors_have_no_addresses() -> None:
    """A vendor has what the contract gives it: no addresses, no tax code, no credit limit."""
    for row in vendors(20, [0] * 21):
        assert not {"addresses", "tax_code", "credit_limit"} & set(orjson.loads(row))


@pytest.mark.parametrize("count", [20, 61, 1000])
@pytest.mark.parametrize("day", [-3, 0, 500, 1064, vocabulary.LAST])
def test_nobody_is_known_before_joining(count: int, day: int) -> None:
    """On any day somebody is known, only those that came, and never more than there are."""
    number = known(day, count)

    assert 1 <= number <= count
    assert joined(number, count) <= day
    assert number == count or joined(number + 1, count) >= day
