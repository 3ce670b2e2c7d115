"""What does a record look like, by the contract?"""

from typing import Any

import pytest
from pydantic import ValidationError

from p4books_sandbox.contract import NewCustomer, NewInvoice, NewProduct


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"price": 25, "cost": 10.7, "name": None, "product_group_id": "a-uuid"},
        {"a_field_of_ours": {"any": ["shape"]}},
        {"date_created": "2026-03-31T12:00:00Z", "date_modified": "2026-03-31t12:00:00-05:00"},
    ],
)
def test_right_products(record: dict[str, Any]) -> None:
    """All fields may be missing or null, and others may be there."""
    NewProduct.model_validate(record)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "25.00"), ("price", True), ("price", float("inf")), ("name", 5),
        ("product_type", "inventory"), ("product_group_id", 1.5), ("product_group_id", True),
        ("date_created", "2026-03-31"), ("date_created", "2026-03-31T12:00:00"),
        ("date_created", 5), ("date_created", "yesterday, at noon or so"),
    ],
)  # fmt: skip
def test_wrong_products(field: str, value: object) -> None:
    """A field of another type than the contract's is refused, not bent."""
    with pytest.raises(ValidationError):
        NewProduct.model_validate({field: value})


def test_right_invoices() -> None:
    """Days, ids of either kind, whole amounts and lines of any length are taken."""
    record = {"due_date": "2024-02-29", "customer_id": "4f7c", "sales_order_id": 5, "total": 7}

    NewInvoice.model_validate({**record, "status": "PartiallyPaid", "lines": [{"quantity": 2}]})


@pytest.mark.parametrize("day", ["2026-02-30", "2026-3-1", "20260301", "2026-03-31T00:00:00Z", 1])
def test_wrong_days(day: object) -> None:
    """A day is written year, month, day, and stands in the calendar."""
    with pytest.raises(ValidationError):
        NewInvoice.model_validate({"due_date": day})


@pytest.mark.parametrize(
    "record", [{"lines": None}, {"lines": [1]}, {"lines": [{"quantity": "2"}]}]
)
def test_wrong_lines(record: dict[str, Any]) -> None:
    """Lines are checked as the document is."""
    with pytest.raises(ValidationError):
        NewInvoice.model_validate(record)


def test_wrong_addresses() -> None:
    """Addresses are checked as the customer is."""
    with pytest.raises(ValidationError):
        NewCustomer.model_validate({"addresses": [{"address_type": "Office"}]})
