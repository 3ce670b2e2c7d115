"""Changes of documents."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

POSTED = {
    "code": "F1",
    "customer_id": "1",
    "status": "Posted",
    "currency": "USD",
    "document_date": "2026-01-01",
    "due_date": "2026-01-31",
    "posting_date": "2026-01-01",
    "subtotal": "100.00",
    "tax_total": "7.00",
    "total": "107.00",
    "amount_paid": "0.00",
    "balance": "107.00",
    "lines": [{"subtotal": "100.00"}],
}


def instant(day: int) -> str:
    """The beginning of a day of January, as it is read."""
    return f"2026-01-0{day} 00:00:00+00:00"


@pytest.fixture
def versions(give: Give) -> Give:
    """Give a document's versions, each from a day of January on; the last one still holds."""

    def versions(*told: dict[str, Any], table: str = "invoices", number: str = "1") -> None:
        for day, each in enumerate(told, start=1):
            until = f"2026-01-0{day + 1}" if day < len(told) else None
            valid = {"_dlt_valid_from": f"2026-01-0{day}", "_dlt_valid_to": until}
            give(table, **{"id": number, **valid, **each})

    return versions


@pytest.fixture
def changes(tell: Ask) -> Ask:
    """Ask for columns of each change, oldest first."""

    def changes(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select {columns} from reporting.document_changes"
            " order by document_type, document_id, seen_at"
        )

    return changes


def test_nothing_changed(versions: Give, changes: Ask) -> None:
    """A document that has one version has no change."""
    versions(POSTED)
    versions({**POSTED, "_dlt_valid_to": "2026-01-02"}, number="2")

    assert changes("*") == []


def test_an_amount_changed_after_posting(versions: Give, changes: Ask) -> None:
    """A change tells each field that changed, from what to what, and when it was seen."""
    versions(POSTED, {**POSTED, "subtotal": "50.00", "total": "57.00", "balance": "57.00"})

    assert changes("*") == [
        (
            *("invoice", "1", "F1", "net, total, balance"),
            "net: 100.00; total: 107.00; balance: 107.00",
            "net: 50.00; total: 57.00; balance: 57.00",
            *(False, True, instant(2)),
        )
    ]


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        # a payment, part of one, and one taken back
        ({"status": "Paid", "amount_paid": "107.00", "balance": "0"}, "status, paid, balance"),
        ({"status": "PartiallyPaid", "amount_paid": "7.00"}, "status, paid"),
        ({"status": "Overdue"}, "status"),
        ({"status": None}, "status"),
        ({"balance": "50.00"}, "balance"),
        # nothing of what is told
        ({"extra": '{"note": "x"}'}, "other fields"),
    ],
)
def test_payments(versions: Give, changes: Ask, told: dict[str, Any], fields: str) -> None:
    """What a payment changes is listed, but is not a change after posting."""
    versions(POSTED, {**POSTED, **told})

    assert changes("changed_fields, is_changed_after_posting") == [(fields, False)]


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        ({"code": "F2"}, "code"),
        ({"customer_id": "2"}, "party"),
        ({"customer_id": None}, "party"),
        ({"currency": "EUR"}, "currency"),
        ({"document_date": "2025-12-31"}, "document date"),
        ({"due_date": "2026-03-31"}, "due date"),
        ({"posting_date": None}, "posting date"),
        ({"subtotal": "99.99"}, "net"),
        ({"tax_total": None}, "tax"),
        ({"total": "106.99"}, "total"),
        ({"lines": [{"subtotal": "60.00"}, {"subtotal": "40.00"}]}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": None}, "lines"),
        # not a payment either
        ({"status": "Void"}, "status"),
        ({"status": "DRAFT"}, "status"),
        # with a payment
        ({"status": "Paid", "subtotal": "1.00"}, "status, net"),
    ],
)
def test_after_posting(versions: Give, changes: Ask, told: dict[str, Any], fields: str) -> None:
    """Each field that no payment changes is a change after posting, be it the lines alone."""
    versions(POSTED, {**POSTED, **told})

    assert changes("changed_fields, is_changed_after_posting") == [(fields, True)]


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("Draft", False),
        ("draft ", False),
        ("Void", False),
        ("Posted", True),
        ("PAID", True),
        ("Whatever", True),
        (None, True),
    ],
)
def test_before_posting(versions: Give, changes: Ask, status: str | None, after: bool) -> None:
    """Drafts are there to be changed, and void ones count for nothing; all else was posted."""
    told = {**POSTED, "status": status}
    versions(told, {**told, "subtotal": "50.00"})

    assert changes("is_changed_after_posting") == [(after,)]


def test_posting(versions: Give, changes: Ask) -> None:
    """What changes with the posting was a draft's, what changes later was not."""
    draft = {**POSTED, "status": "Draft", "posting_date": None, "subtotal": "90.00"}
    versions(draft, POSTED, {**POSTED, "total": "108.00"})

    assert changes("changed_fields, is_changed_after_posting, seen_at") == [
        ("status, posting date, net", False, instant(2)),
        ("total", True, instant(3)),
    ]


def test_the_lines_alone(versions: Give, changes: Ask) -> None:
    """For lines, it says since when the old and the new ones are known, in UTC."""
    versions(POSTED, {**POSTED, "lines": [{"subtotal": "1.00"}]})

    assert changes("changed_from, changed_to") == [
        ("lines: as of 2026-01-01 00:00:00", "lines: as of 2026-01-02 00:00:00")
    ]


def test_from_nothing_to_nothing(versions: Give, changes: Ask) -> None:
    """What was empty, or is now, is (nothing)."""
    versions({"code": "F1"}, {"due_date": "2026-01-31"})

    assert changes("document_code, changed_from, changed_to") == [
        (None, "code: F1; due date: (nothing)", "code: (nothing); due date: 2026-01-31")
    ]


def test_returned(give: Give, changes: Ask) -> None:
    """A restored document says so, even if nothing in it changed."""
    give("invoices", id="1", **POSTED, _dlt_valid_to="2026-01-03")
    give("invoices", id="1", **POSTED, _dlt_valid_from="2026-01-05", _dlt_valid_to="2026-01-06")
    give("invoices", id="1", **{**POSTED, "total": "1"}, _dlt_valid_from="2026-01-06")

    assert changes("changed_fields, is_returned, is_changed_after_posting, seen_at") == [
        ("", True, False, instant(5)),
        ("total", False, True, instant(6)),
    ]


@pytest.mark.parametrize(
    ("table", "document", "old", "new", "fields"),
    [
        (
            *("sales_orders", "sales order"),
            {"status": "Open", "customer_id": "1", "required_date": "2026-02-01"},
            {"status": "Cancelled", "customer_id": "2", "required_date": "2026-02-02"},
            "party, status, due date",
        ),
        (
            *("purchase_orders", "purchase order"),
            {"status": "Open", "vendor_id": "1", "expected_date": "2026-02-01"},
            {"status": "Closed", "vendor_id": "2", "expected_date": None, "lines": []},
            "party, status, due date, lines",
        ),
    ],
)
def test_orders(
    versions: Give,
    changes: Ask,
    table: str,
    document: str,
    old: dict[str, Any],
    new: dict[str, Any],
    fields: str,
) -> None:
    """Changes of orders are listed too; an order is never posted."""
    versions(old, new, table=table)

    assert changes("document_type, changed_fields, is_changed_after_posting") == [
        (document, fields, False)
    ]


def test_documents_of_one_id(versions: Give, changes: Ask) -> None:
    """An invoice and orders that have the same id are three documents."""
    versions({"code": "F"}, {"code": "G"})
    versions({"code": "P"}, table="purchase_orders")
    versions({"code": "S"}, {"code": "T"}, {"code": "U"}, table="sales_orders")

    assert changes("document_type, changed_from, changed_to") == [
        ("invoice", "code: F", "code: G"),
        ("sales order", "code: S", "code: T"),
        ("sales order", "code: T", "code: U"),
    ]
