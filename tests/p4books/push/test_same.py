"""Is a record of P4 Books the one that we sent?"""

from typing import Any

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.push.response import list_differences

INVOICES, CUSTOMERS = ENDPOINTS["invoices"], ENDPOINTS["customers"]

SENT = {
    "code": "F-1",
    "customer_id": 7,
    "document_date": "2026-03-31",
    "date_created": "2026-03-31T07:00:00-05:00",
    "total": 25,
    "lines": [{"product_id": 3, "quantity": 2, "price": 12.5}],
}


def _differing(**changes: Any) -> list[str]:
    return list(list_differences(SENT, {**SENT, **changes}, INVOICES))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 99, "status": "Draft", "balance": 25},
        {"total": "25.00"},
        {"total": 25.0, "customer_id": "7"},
        {"document_date": "2026-03-31T00:00:00Z"},
        {"date_created": "2026-03-31T12:00:00Z"},
        {"code": " F-1 "},
        {"lines": [{"line_number": 1, "product_id": "3", "quantity": "2.000", "price": 12.50}]},
    ],
)
def test_same(changes: dict[str, Any]) -> None:
    """What P4 Books adds, or writes in another way, makes no other record."""
    assert _differing(**changes) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"code": "F-2"}, ["code"]),
        ({"total": 25.01}, ["total"]),
        ({"total": None}, ["total"]),
        ({"total": "about 25"}, ["total"]),
        ({"customer_id": 8}, ["customer_id"]),
        ({"document_date": "2026-04-01"}, ["document_date"]),
        ({"date_created": "2026-03-31T12:00:01Z"}, ["date_created"]),
        ({"date_created": "once"}, ["date_created"]),
        ({"lines": None}, ["lines"]),
        ({"lines": []}, ["lines"]),
        ({"lines": ["x"]}, ["lines[1].product_id", "lines[1].quantity", "lines[1].price"]),
        ({"lines": [{"product_id": 3, "quantity": 3, "price": 12.5}]}, ["lines[1].quantity"]),
    ],
)
def test_different(changes: dict[str, Any], named: list[str]) -> None:
    """Each field that holds something else than was sent is named."""
    assert _differing(**changes) == named


def test_other_inner_lists() -> None:
    """Addresses are compared as lines are."""
    sent = {"addresses": [{"city": "David"}]}

    assert list(list_differences(sent, {"addresses": [{"city": "Colón"}]}, CUSTOMERS)) == [
        "addresses[1].city"
    ]
