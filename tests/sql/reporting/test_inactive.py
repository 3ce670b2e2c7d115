"""Customers and products without a sale in 90 days, which follow the same rules."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(params=["product", "customer"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of entity that may be inactive."""
    return str(request.param)


@pytest.fixture
def inactive(query_text: Query, set_as_of: Action, kind: str) -> Query:
    """Return a function that selects columns of each inactive entity, as of 30 June 2026."""
    set_as_of("2026-06-30")

    def inactive(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {kind}_id, {columns} from reporting.inactive_{kind}s order by {kind}_id"
        )

    return inactive


@pytest.fixture
def add_sale(add_invoice: Action) -> Action:
    """Return a function that adds a sale of a product to the customer with the same id."""

    def add_sale(entity: object, day: str, **fields: Any) -> None:
        line = {"product_id": entity, "subtotal": "1", "quantity": "1"}
        values = {"total": "1", "lines": [line], **fields}
        add_invoice(day, values["total"], customer_id=entity, **values)

    return add_sale


def test_days(insert: Action, add_sale: Action, inactive: Query, kind: str) -> None:
    """One sold 91 days ago is inactive, and so is one never sold; one sold 90 days ago is not."""
    for entity in ("1", "2", "3"):
        insert(f"{kind}s", id=entity, name=f"N'{entity}")
    insert(f"{kind}s", id="4", status="Inactive")
    for entity, day in (("1", "2026-04-01"), ("2", "2026-03-31"), ("2", "2026-03-01")):
        add_sale(entity, day)

    count = "invoice_lines" if kind == "product" else "invoices_lifetime"
    assert inactive(f"{kind}_name, is_active, last_sold_on, days_since_sale, {count}") == [
        ("2", "N'2", True, "2026-03-31", 91, 2),
        ("3", "N'3", True, None, None, 0),
        ("4", "4", False, None, None, 0),
    ]


def test_what_is_no_sale(insert: Action, add_sale: Action, inactive: Query, kind: str) -> None:
    """Credit notes, void invoices, drafts and mistyped years are no sale."""
    insert(f"{kind}s", id="1")
    add_sale("1", "2026-01-01", currency="EUR")
    add_sale("1", "2026-06-01", total="-1")
    add_sale("1", "2026-06-01", status="void")
    add_sale("1", "2026-06-01", status="Draft")
    add_sale("1", "2026-07-01")
    add_sale("1", "9999-12-31")

    assert inactive("last_sold_on") == [("1", "2026-01-01")]


def test_no_record(insert: Action, add_sale: Action, inactive: Query, kind: str) -> None:
    """What was deleted, or is known from invoices only, is not listed."""
    insert(f"{kind}s", id="1", _dlt_valid_to="2026-02-01")
    for entity in ("1", "77", None):
        add_sale(entity, "2026-01-01")

    assert inactive("last_sold_on") == []


def test_return_lines(
    insert: Action, add_invoice: Action, set_as_of: Action, query_text: Query
) -> None:
    """A line with a negative quantity is a return; one without a quantity counts by its net."""
    set_as_of("2026-06-30")
    sold = [
        {"product_id": "1", "quantity": "-1", "subtotal": "5"},
        {"product_id": "2", "quantity": "1", "subtotal": "0"},
        {"product_id": "3", "subtotal": "-5"},
        {"product_id": "4", "subtotal": "5"},
    ]
    for product in ("1", "2", "3", "4"):
        insert("products", id=product)
    add_invoice("2020-01-01", "5", lines=sold)

    assert query_text(
        "select product_id, last_sold_on from reporting.inactive_products order by product_id"
    ) == [("1", None), ("2", "2020-01-01"), ("3", None), ("4", "2020-01-01")]


def test_whom_to_call(insert: Action, set_as_of: Action, query_text: Query) -> None:
    """A customer is shown with its phone number and e-mail address."""
    set_as_of("2026-06-30")
    insert("customers", id="7", code="C7", name="Buyer", phone="507", email="b@x.pa")

    columns = "* exclude (first_seen_at)"
    assert query_text(f"select {columns} from reporting.inactive_customers") == [
        ("7", "C7", "Buyer", "507", "b@x.pa", True, None, None, 0)
    ]
