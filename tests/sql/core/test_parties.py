"""Customers and vendors, including deleted and unknown ones, which follow the same rules."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

PARTIES = pytest.mark.parametrize("party", ["customer", "vendor"])


def instant(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@PARTIES
def test_party(insert: Action, query: Query, party: str) -> None:
    """The latest version counts, with when it was first seen and last changed."""
    fields = {"id": "1", "code": "C1", "balance": "12.34"}
    insert(f"{party}s", **fields, name="Old", _dlt_valid_to="2026-01-02")
    insert(f"{party}s", **fields, name='Doña "Ñ" 😀', _dlt_valid_from="2026-01-02")

    assert query(
        f"select {party}_id, {party}_code, {party}_name, {party}_balance,"
        f" first_seen_at, last_changed_at, is_active, is_deleted, is_known from core.dim_{party}"
    ) == [
        (
            *("1", "C1", 'Doña "Ñ" 😀', Decimal("12.34")),
            *(instant(1), instant(2), True, False, True),
        )
    ]


def test_credit_limit(insert: Action, query: Query) -> None:
    """A customer has the credit limit of its latest version."""
    insert("customers", id="1", credit_limit="1", _dlt_valid_to="2026-01-02")
    insert("customers", id="1", credit_limit="5000.00", _dlt_valid_from="2026-01-02")

    assert query("select credit_limit from core.dim_customer") == [(Decimal("5000.00"),)]


@PARTIES
def test_deleted(insert: Action, query: Query, party: str) -> None:
    """A deleted party keeps its last values, is not active, and changed when it was deleted."""
    insert(f"{party}s", id="1", name="Gone", status="Active", _dlt_valid_to="2026-01-03")

    assert query(
        f"select {party}_name, is_active, is_deleted, last_changed_at from core.dim_{party}"
    ) == [("Gone", False, True, instant(3))]


@PARTIES
def test_restored(insert: Action, query: Query, party: str) -> None:
    """A restored party is not deleted, and keeps the day it was first seen."""
    insert(f"{party}s", id="1", name="Before", _dlt_valid_to="2026-01-03")
    insert(f"{party}s", id="1", name="After", _dlt_valid_from="2026-01-05")

    assert query(
        f"select {party}_name, is_deleted, first_seen_at, last_changed_at from core.dim_{party}"
    ) == [("After", False, instant(1), instant(5))]


@PARTIES
def test_no_name(insert: Action, query: Query, party: str) -> None:
    """A party without a name is called by its code, or by its id if it has none."""
    insert(f"{party}s", id="1", code="C1")
    insert(f"{party}s", id="2")

    assert query(f"select {party}_name from core.dim_{party} order by 1") == [("2",), ("C1",)]


@PARTIES
@pytest.mark.parametrize(
    ("status", "is_active"),
    [("active", True), ("ACTIVE", True), (None, True), ("Inactive", False), ("on hold", False)],
)
def test_active(
    insert: Action, query: Query, party: str, status: str | None, is_active: bool
) -> None:
    """A party is active if its status says so in any case, or is missing."""
    insert(f"{party}s", id="1", status=status)

    assert query(f"select is_active from core.dim_{party}") == [(is_active,)]


@PARTIES
@pytest.mark.parametrize(
    ("terms", "days"),
    [
        ("Net 30", 30),
        ("30 días", 30),
        ("2/10 net 30", 30),
        ("Contado", 0),
        (" cash ", 0),
        ("COD", None),
        (None, None),
        ("Net 99999999999999999999", None),
    ],
)
def test_terms(
    insert: Action, query: Query, party: str, terms: str | None, days: int | None
) -> None:
    """Payment terms are days if they name some; of several, the last is the due period."""
    insert(f"{party}s", id="1", payment_terms=terms)

    assert query(f"select payment_terms, terms_days from core.dim_{party}") == [(terms, days)]


@PARTIES
@pytest.mark.parametrize(("given", "currency"), [("eur", "EUR"), (None, "USD"), (" ", "USD")])
def test_currency(
    insert: Action, query: Query, party: str, given: str | None, currency: str
) -> None:
    """A party without a currency has the tenant's."""
    insert(f"{party}s", id="1", currency=given)

    assert query(f"select currency from core.dim_{party}") == [(currency,)]


DOCUMENTS = {  # of a known party, of 7, of no party, and of 8
    "customer": ("invoices", "invoices", "invoices", "sales_orders"),
    "vendor": ("purchase_orders",) * 4,
}


@PARTIES
def test_unknown(insert: Action, query: Query, party: str) -> None:
    """A party that occurs only in documents is unknown, and so is a missing one."""
    insert(f"{party}s", id="1", name="Known")
    for number, (table, named) in enumerate(
        zip(DOCUMENTS[party], ("1", "7", None, "8"), strict=True)
    ):
        ended = "2026-01-02" if named == "7" else None
        insert(table, id=str(number), **{f"{party}_id": named}, _dlt_valid_to=ended)

    assert query(
        f"select {party}_id, {party}_name, currency, is_active, is_deleted, is_known"
        f" from core.dim_{party} order by all"
    ) == [
        ("(none)", "(none)", "USD", False, False, False),
        ("1", "Known", "USD", True, False, True),
        ("7", "(unknown 7)", "USD", False, False, False),
        ("8", "(unknown 8)", "USD", False, False, False),
    ]
