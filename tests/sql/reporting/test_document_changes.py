"""Changes of documents."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

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


def timestamp(day: int) -> str:
    """Return the start of a day in January as text."""
    return f"2026-01-0{day} 00:00:00+00:00"


@pytest.fixture
def add_versions(insert: Action) -> Action:
    """Return a function that adds a document's versions, one for each day from 1 January; the last
    one is current."""

    def add_versions(*values: dict[str, Any], table: str = "invoices", number: str = "1") -> None:
        for day, each in enumerate(values, start=1):
            until = f"2026-01-0{day + 1}" if day < len(values) else None
            valid = {"_dlt_valid_from": f"2026-01-0{day}", "_dlt_valid_to": until}
            insert(table, **{"id": number, **valid, **each})

    return add_versions


@pytest.fixture
def changes(query_text: Query) -> Query:
    """Return a function that selects columns of each change, oldest first."""

    def changes(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.document_changes"
            " order by document_type, document_id, seen_at"
        )

    return changes


def test_no_change(add_versions: Action, changes: Query) -> None:
    """A document with one version has no changes."""
    add_versions(POSTED)
    add_versions({**POSTED, "_dlt_valid_to": "2026-01-02"}, number="2")

    assert changes("*") == []


def test_changed_amount(add_versions: Action, changes: Query) -> None:
    """A change lists each changed field, its old and new value, and when it was seen."""
    add_versions(POSTED, {**POSTED, "subtotal": "50.00", "total": "57.00", "balance": "57.00"})

    assert changes("*") == [
        (
            *("invoice", "1", "F1", "net, total, balance"),
            "net: 100.00; total: 107.00; balance: 107.00",
            "net: 50.00; total: 57.00; balance: 57.00",
            *(False, True, timestamp(2)),
        )
    ]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        # a payment, a partial payment, and one that is reversed
        ({"status": "Paid", "amount_paid": "107.00", "balance": "0"}, "status, paid, balance"),
        ({"status": "PartiallyPaid", "amount_paid": "7.00"}, "status, paid"),
        ({"status": "Overdue"}, "status"),
        ({"status": None}, "status"),
        ({"balance": "50.00"}, "balance"),
        # none of the fields that are listed
        ({"extra": '{"note": "x"}'}, "other fields"),
    ],
)
def test_payments(
    add_versions: Action, changes: Query, values: dict[str, Any], fields: str
) -> None:
    """The fields that a payment changes are listed, but are not a change after posting."""
    add_versions(POSTED, {**POSTED, **values})

    assert changes("changed_fields, is_changed_after_posting") == [(fields, False)]


@pytest.mark.parametrize(
    ("values", "fields"),
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
        # not a payment
        ({"status": "Void"}, "status"),
        ({"status": "DRAFT"}, "status"),
        # together with a payment
        ({"status": "Paid", "subtotal": "1.00"}, "status, net"),
    ],
)
def test_after_posting(
    add_versions: Action, changes: Query, values: dict[str, Any], fields: str
) -> None:
    """A change of any field that payments leave alone is a change after posting, even of the lines
    alone."""
    add_versions(POSTED, {**POSTED, **values})

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
def test_before_posting(
    add_versions: Action, changes: Query, status: str | None, after: bool
) -> None:
    """Drafts and void documents may change; all other documents were posted."""
    values = {**POSTED, "status": status}
    add_versions(values, {**values, "subtotal": "50.00"})

    assert changes("is_changed_after_posting") == [(after,)]


def test_posting(add_versions: Action, changes: Query) -> None:
    """A change at the posting is one of a draft; a later change is one after posting."""
    draft = {**POSTED, "status": "Draft", "posting_date": None, "subtotal": "90.00"}
    add_versions(draft, POSTED, {**POSTED, "total": "108.00"})

    assert changes("changed_fields, is_changed_after_posting, seen_at") == [
        ("status, posting date, net", False, timestamp(2)),
        ("total", True, timestamp(3)),
    ]


def test_only_lines(add_versions: Action, changes: Query) -> None:
    """For lines, a change shows since when the old and the new ones are known, in UTC."""
    add_versions(POSTED, {**POSTED, "lines": [{"subtotal": "1.00"}]})

    assert changes("changed_from, changed_to") == [
        ("lines: as of 2026-01-01 00:00:00", "lines: as of 2026-01-02 00:00:00")
    ]


def test_null_values(add_versions: Action, changes: Query) -> None:
    """A value that was or is null is shown as (nothing)."""
    add_versions({"code": "F1"}, {"due_date": "2026-01-31"})

    assert changes("document_code, changed_from, changed_to") == [
        (None, "code: F1; due date: (nothing)", "code: (nothing); due date: 2026-01-31")
    ]


def test_restored(insert: Action, changes: Query) -> None:
    """A restored document is listed as such, even if no field changed."""
    insert("invoices", id="1", **POSTED, _dlt_valid_to="2026-01-03")
    insert("invoices", id="1", **POSTED, _dlt_valid_from="2026-01-05", _dlt_valid_to="2026-01-06")
    insert("invoices", id="1", **{**POSTED, "total": "1"}, _dlt_valid_from="2026-01-06")

    assert changes("changed_fields, is_returned, is_changed_after_posting, seen_at") == [
        ("", True, False, timestamp(5)),
        ("total", False, True, timestamp(6)),
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
    add_versions: Action,
    changes: Query,
    table: str,
    document: str,
    old: dict[str, Any],
    new: dict[str, Any],
    fields: str,
) -> None:
    """Changes of orders are listed too; an order is never posted."""
    add_versions(old, new, table=table)

    assert changes("document_type, changed_fields, is_changed_after_posting") == [
        (document, fields, False)
    ]


def test_same_id(add_versions: Action, changes: Query) -> None:
    """An invoice and orders with the same id are three documents."""
    add_versions({"code": "F"}, {"code": "G"})
    add_versions({"code": "P"}, table="purchase_orders")
    add_versions({"code": "S"}, {"code": "T"}, {"code": "U"}, table="sales_orders")

    assert changes("document_type, changed_from, changed_to") == [
        ("invoice", "code: F", "code: G"),
        ("sales order", "code: S", "code: T"),
        ("sales order", "code: T", "code: U"),
    ]
