"""What did the distributor order from its vendors?"""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import orjson
import pytest

from p4books_sandbox.options import chance
from p4books_sandbox.sample_data.documents import Bought, buy
from p4books_sandbox.sample_data.master_data import catalog
from p4books_sandbox.sample_data.vocabulary import scale_for


@pytest.fixture(scope="module")
def bought() -> Bought:
    """Four hundred purchase orders."""
    products = catalog(200, chance(7, "products"))
    return buy(scale_for(2000), products, None, chance(7, "purchases"))


@pytest.fixture(scope="module")
def orders(bought: Bought) -> list[dict[str, Any]]:
    """The purchase orders."""
    return [orjson.loads(row) for row in bought.orders]


def test_every_state(orders: list[dict[str, Any]]) -> None:
    """Orders are in every state, most of them closed."""
    states = Counter(order["status"] for order in orders)

    assert set(states) == {"Open", "PartiallyReceived", "Received", "Closed", "Cancelled"}
    assert states["Closed"] > 200


def test_what_vendors_are_owed(bought: Bought, orders: list[dict[str, Any]]) -> None:
    """A vendor is owed for what was received and is not closed."""
    owing: dict[int, Decimal] = defaultdict(Decimal)
    for order in orders:
        if order["status"] == "Received":
            owing[order["vendor_id"]] += Decimal(str(order["total"])) * 100

    assert bought.owing == [owing[number] for number in range(len(bought.owing))]


def test_vendors_are_there(bought: Bought, orders: list[dict[str, Any]]) -> None:
    """Every order is a vendor's."""
    assert {order["vendor_id"] for order in orders} <= set(range(1, len(bought.owing)))


def test_ids_and_days_rise(orders: list[dict[str, Any]]) -> None:
    """Ids count from 1 and newer orders stand later."""
    assert [row["id"] for row in orders] == list(range(1, 401))
    assert [row["date_created"] for row in orders] == sorted(row["date_created"] for row in orders)
    assert all(row["date_created"] <= row["date_modified"] < "2026-07" for row in orders)
