"""Who are the customers, deleted ones and unknown ones among them?"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


def instant(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def test_a_customer(give: Give, ask: Ask) -> None:
    """A customer's latest version counts, with when it was first seen and last changed."""
    told = {"id": "1", "code": "C1", "credit_limit": "5000.00", "balance": "12.34"}
    give("customers", **told, name="Old", _dlt_valid_to="2026-01-02")
    give("customers", **told, name='Doña "Ñ" 😀', _dlt_valid_from="2026-01-02")

    assert ask(
        "select customer_id, customer_code, customer_name, credit_limit, customer_balance,"
        " first_seen_at, last_changed_at, is_active, is_deleted, is_known from core.dim_customer"
    ) == [
        (
            *("1", "C1", 'Doña "Ñ" 😀', Decimal("5000.00"), Decimal("12.34")),
            *(instant(1), instant(2), True, False, True),
        )
    ]


def test_deleted(give: Give, ask: Ask) -> None:
    """One that is gone keeps its last words, is not active, and changed when it went."""
    give("customers", id="1", name="Gone", status="Active", _dlt_valid_to="2026-01-03")

    assert ask(
        "select customer_name, is_active, is_deleted, last_changed_at from core.dim_customer"
    ) == [("Gone", False, True, instant(3))]


def test_returned(give: Give, ask: Ask) -> None:
    """One that was gone and is back is not deleted, and was first seen before it went."""
    give("customers", id="1", name="Before", _dlt_valid_to="2026-01-03")
    give("customers", id="1", name="After", _dlt_valid_from="2026-01-05")

    assert ask(
        "select customer_name, is_deleted, first_seen_at, last_changed_at from core.dim_customer"
    ) == [("After", False, instant(1), instant(5))]


def test_no_name(give: Give, ask: Ask) -> None:
    """One without a name is called by its code, and by its id where it has none."""
    give("customers", id="1", code="C1")
    give("customers", id="2")

    assert ask("select customer_name from core.dim_customer order by 1") == [("2",), ("C1",)]


@pytest.mark.parametrize(
    ("status", "is_active"),
    [("active", True), ("ACTIVE", True), (None, True), ("Inactive", False), ("on hold", False)],
)
def test_active(give: Give, ask: Ask, status: str | None, is_active: bool) -> None:
    """A customer is active whose status says so in any case, or says nothing."""
    give("customers", id="1", status=status)

    assert ask("select is_active from core.dim_customer") == [(is_active,)]


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
def test_terms(give: Give, ask: Ask, terms: str | None, days: int | None) -> None:
    """Terms of payment are days where they name some; of several the last are those to pay in."""
    give("customers", id="1", payment_terms=terms)

    assert ask("select payment_terms, terms_days from core.dim_customer") == [(terms, days)]


@pytest.mark.parametrize(("given", "currency"), [("eur", "EUR"), (None, "USD"), (" ", "USD")])
def test_currency(give: Give, ask: Ask, given: str | None, currency: str) -> None:
    """A customer without a currency has the tenant's."""
    give("customers", id="1", currency=given)

    assert ask("select currency from core.dim_customer") == [(currency,)]


def test_unknown(give: Give, ask: Ask) -> None:
    """Whom only documents name is a customer nobody knows; none at all is one too."""
    give("customers", id="1", name="Known")
    give("invoices", id="1", customer_id="1")
    give("invoices", id="2", customer_id="7", _dlt_valid_to="2026-01-02")
    give("invoices", id="3", customer_id=None)
    give("sales_orders", id="1", customer_id="8")

    assert ask(
        "select customer_id, customer_name, currency, is_active, is_deleted, is_known"
        " from core.dim_customer order by all"
    ) == [
        ("(none)", "(none)", "USD", False, False, False),
        ("1", "Known", "USD", True, False, True),
        ("7", "(unknown 7)", "USD", False, False, False),
        ("8", "(unknown 8)", "USD", False, False, False),
    ]
