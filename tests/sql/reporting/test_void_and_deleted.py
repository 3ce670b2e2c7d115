"""Void, cancelled and deleted documents."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


def instant(day: int) -> str:
    """The beginning of a day of January, as it is read."""
    return f"2026-01-0{day} 00:00:00+00:00"


@pytest.fixture
def stood(give: Give) -> Give:
    """Give a version of invoice 1 from a day of January to another; None: it holds still."""

    def stood(since: int, until: int | None, **told: Any) -> None:
        days = [each and f"2026-01-0{each}" for each in (since, until)]
        row = {"id": "1", **told, "_dlt_valid_from": days[0], "_dlt_valid_to": days[1]}
        give("invoices", **row)

    return stood


@pytest.fixture
def off(tell: Ask) -> Ask:
    """Ask for columns of each document that is no more."""

    def off(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select {columns} from reporting.void_and_deleted order by document_type, document_id"
        )

    return off


@pytest.mark.parametrize("status", ["Posted", "Draft", "Closed", "Whatever", None])
def test_standing(stood: Give, off: Ask, status: str | None) -> None:
    """A document that is not void is not listed, not even a draft."""
    stood(1, 2, status="Void")
    stood(2, None, status=status)

    assert off("*") == []


def test_void(give: Give, stood: Give, off: Ask) -> None:
    """A void document is listed as it is now, with its status before and when that ended."""
    give("customers", id="7", name="Buyer")
    told = {"code": "F1", "customer_id": "7", "currency": "eur", "document_date": "2025-12-31"}
    stood(1, 2, **told, status="Draft", total="99.00")
    stood(2, 3, **told, status="Posted", total="107.00")
    stood(3, 4, **told, status="Void", total="107.00")
    stood(4, None, **told, status="Void", total="0.00")

    assert off("*") == [
        (
            *("invoice", "1", "7", "F1", "void", "Buyer", "Posted", "EUR", "2025-12-31"),
            *(instant(3), "0.00"),
        )
    ]


def test_deleted(stood: Give, off: Ask) -> None:
    """A deleted document is listed as it last was, and until when."""
    stood(1, 2, status="Posted", total="99.00")
    stood(2, 5, status="Paid", total="107.00")

    assert off("fate, status_before, last_seen_at, total") == [
        ("deleted", "Paid", instant(5), "107.00")
    ]


def test_deleted_while_void(stood: Give, off: Ask) -> None:
    """One that was void and then deleted is deleted; before that it stood as what it was."""
    stood(1, 2, status="Posted")
    stood(2, 5, status="Void")

    assert off("fate, status_before, last_seen_at") == [("deleted", "Posted", instant(5))]


def test_void_from_the_first(stood: Give, off: Ask) -> None:
    """Nothing is known of a document before it was first seen, if it was void then."""
    stood(2, 3, status="Void")
    stood(3, None, status="Void")

    assert off("fate, status_before, last_seen_at") == [("void", None, instant(2))]


def test_returned(stood: Give, off: Ask) -> None:
    """A restored document is not listed, unless it is void: then its status before ended with
    the deletion."""
    stood(1, 2, status="Posted")
    stood(4, None, status="Posted")
    stood(1, 2, status="Posted", id="2")
    stood(4, None, status="Void", id="2")

    assert off("document_id, fate, last_seen_at") == [("2", "void", instant(2))]


def test_void_twice(stood: Give, off: Ask) -> None:
    """One that was void, stood again, and is void again stood until the last time."""
    stood(1, 2, status="Paid")
    stood(2, 3, status="Void")
    stood(3, 4, status="Posted")
    stood(4, None, status="Void")

    assert off("status_before, last_seen_at") == [("Posted", instant(4))]


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
def test_words(give: Give, off: Ask, status: str, fate: str) -> None:
    """However a status is spelled, its word is the fate."""
    give("sales_orders", id="1", status=status)

    assert off("fate") == [(fate,)]


def test_no_invoice_is_cancelled(give: Give, off: Ask) -> None:
    """Cancelled is not a status of invoices: such an invoice is live, and not listed."""
    give("invoices", id="1", status="Cancelled")

    assert off("fate") == []


def test_no_status_before(stood: Give, off: Ask) -> None:
    """If its last status was missing, none is shown, not an older one."""
    stood(1, 2, status="Draft")
    stood(2, 3, status=None)
    stood(3, None, status="Void")

    assert off("status_before, last_seen_at") == [(None, instant(3))]


def test_parties(give: Give, off: Ask) -> None:
    """An order's customer or vendor has its name; an unknown one its id, and none is (none)."""
    give("customers", id="7", name="Buyer")
    give("vendors", id="7", name="Seller", _dlt_valid_to="2026-01-02")
    for table, party in (("invoices", "customer_id"), ("purchase_orders", "vendor_id")):
        for number, told in enumerate(("7", "8", None), start=1):
            give(table, id=f"{number}", status="Void", **{party: told})
    give("sales_orders", id="1", status="Cancelled", customer_id="9")

    assert off("document_type, party_id, party_name") == [
        ("invoice", "7", "Buyer"),
        ("invoice", "8", "(unknown 8)"),
        ("invoice", "(none)", "(none)"),
        ("purchase order", "7", "Seller"),
        ("purchase order", "8", "(unknown 8)"),
        ("purchase order", "(none)", "(none)"),
        ("sales order", "9", "(unknown 9)"),
    ]


def test_what_is_missing(give: Give, off: Ask) -> None:
    """Without a currency it is the tenant's; a missing day or total stays empty."""
    give("invoices", id="1", status="Void")

    assert off("document_code, currency, document_on, total") == [(None, "USD", None, None)]
