"""Void, cancelled and deleted documents."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def timestamp(day: int) -> str:
    """Return the start of a day in January as text."""
    return f"2026-01-0{day} 00:00:00+00:00"


@pytest.fixture
def add_version(insert: Action) -> Action:
    """Return a function that adds a version of invoice 1, from one day of January to another; None:
    it is current."""

    def add_version(since: int, until: int | None, **fields: Any) -> None:
        days = [each and f"2026-01-0{each}" for each in (since, until)]
        row = {"id": "1", **fields, "_dlt_valid_from": days[0], "_dlt_valid_to": days[1]}
        insert("invoices", **row)

    return add_version


@pytest.fixture
def documents(query_text: Query) -> Query:
    """Return a function that selects columns of each void, cancelled or deleted document."""

    def documents(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.void_and_deleted order by document_type, document_id"
        )

    return documents


@pytest.mark.parametrize("status", ["Posted", "Draft", "Closed", "Whatever", None])
def test_not_void(add_version: Action, documents: Query, status: str | None) -> None:
    """A document that is not void is not listed, not even a draft."""
    add_version(1, 2, status="Void")
    add_version(2, None, status=status)

    assert documents("*") == []


def test_void(insert: Action, add_version: Action, documents: Query) -> None:
    """A void document is listed in its current version, with its previous status and when that
    ended."""
    insert("customers", id="7", name="Buyer")
    fields = {"code": "F1", "customer_id": "7", "currency": "eur", "document_date": "2025-12-31"}
    add_version(1, 2, **fields, status="Draft", total="99.00")
    add_version(2, 3, **fields, status="Posted", total="107.00")
    add_version(3, 4, **fields, status="Void", total="107.00")
    add_version(4, None, **fields, status="Void", total="0.00")

    assert documents("*") == [
        (
            *("invoice", "1", "7", "F1", "void", "Buyer", "Posted", "EUR", "2025-12-31"),
            *(timestamp(1), timestamp(3), "0.00"),
        )
    ]


def test_deleted(add_version: Action, documents: Query) -> None:
    """A deleted document is listed in its last version, with when that ended."""
    add_version(1, 2, status="Posted", total="99.00")
    add_version(2, 5, status="Paid", total="107.00")

    assert documents("fate, status_before, last_seen_at, total") == [
        ("deleted", "Paid", timestamp(5), "107.00")
    ]


def test_deleted_while_void(add_version: Action, documents: Query) -> None:
    """A void document that was deleted is listed as deleted, with its status before it was void."""
    add_version(1, 2, status="Posted")
    add_version(2, 5, status="Void")

    assert documents("fate, status_before, last_seen_at") == [("deleted", "Posted", timestamp(5))]


def test_void_when_first_seen(add_version: Action, documents: Query) -> None:
    """A document that was void when first seen has no previous status."""
    add_version(2, 3, status="Void")
    add_version(3, None, status="Void")

    assert documents("fate, status_before, last_seen_at") == [("void", None, timestamp(2))]


def test_restored(add_version: Action, documents: Query) -> None:
    """A restored document is not listed, unless it is void: then its previous status ended with the
    deletion."""
    add_version(1, 2, status="Posted")
    add_version(4, None, status="Posted")
    add_version(1, 2, status="Posted", id="2")
    add_version(4, None, status="Void", id="2")

    assert documents("document_id, fate, last_seen_at") == [("2", "void", timestamp(2))]


def test_void_twice(add_version: Action, documents: Query) -> None:
    """A document that was void, live and void again has the end of its last live version."""
    add_version(1, 2, status="Paid")
    add_version(2, 3, status="Void")
    add_version(3, 4, status="Posted")
    add_version(4, None, status="Void")

    assert documents("status_before, last_seen_at") == [("Posted", timestamp(4))]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("Void", "void"),
        ("VOID", "void"),
        (" void ", "void"),
        ("Cancelled", "cancelled"),
        ("canceled", "canceled"),
    ],
)
def test_spellings(insert: Action, documents: Query, status: str, fate: str) -> None:
    """A status is recognised however it is spelled."""
    insert("sales_orders", id="1", status=status)

    assert documents("fate") == [(fate,)]


def test_cancelled_invoice(insert: Action, documents: Query) -> None:
    """Cancelled is not a status of invoices: such an invoice is live and not listed."""
    insert("invoices", id="1", status="Cancelled")

    assert documents("fate") == []


def test_no_status_before(add_version: Action, documents: Query) -> None:
    """If the previous status was missing, none is shown, not an older one."""
    add_version(1, 2, status="Draft")
    add_version(2, 3, status=None)
    add_version(3, None, status="Void")

    assert documents("status_before, last_seen_at") == [(None, timestamp(3))]


def test_parties(insert: Action, documents: Query) -> None:
    """An order shows the name of its customer or vendor; an unknown one has its id, a missing one
    (none)."""
    insert("customers", id="7", name="Buyer")
    insert("vendors", id="7", name="Seller", _dlt_valid_to="2026-01-02")
    for table, party in (("invoices", "customer_id"), ("purchase_orders", "vendor_id")):
        for number, party_id in enumerate(("7", "8", None), start=1):
            insert(table, id=f"{number}", status="Void", **{party: party_id})
    insert("sales_orders", id="1", status="Cancelled", customer_id="9")

    assert documents("document_type, party_id, party_name") == [
        ("invoice", "7", "Buyer"),
        ("invoice", "8", "(unknown 8)"),
        ("invoice", "(none)", "(none)"),
        ("purchase order", "7", "Seller"),
        ("purchase order", "8", "(unknown 8)"),
        ("purchase order", "(none)", "(none)"),
        ("sales order", "9", "(unknown 9)"),
    ]


def test_missing_values(insert: Action, documents: Query) -> None:
    """A missing currency is the tenant's; a missing day or total stays empty."""
    insert("invoices", id="1", status="Void")

    assert documents("document_code, currency, document_on, total") == [(None, "USD", None, None)]
