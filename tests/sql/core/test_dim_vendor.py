"""Who are the vendors, deleted ones and unknown ones among them?"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


def instant(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def test_a_vendor(give: Give, ask: Ask) -> None:
    """A vendor's latest version counts, with when it was first seen and last changed."""
    told = {"id": "1", "code": "V1", "balance": "12.34"}
    give("vendors", **told, name="Old", _dlt_valid_to="2026-01-02")
    give("vendors", **told, name='Doña "Ñ" 😀', _dlt_valid_from="2026-01-02")

    assert ask(
        "select vendor_id, vendor_code, vendor_name, vendor_balance,"
        " first_seen_at, last_changed_at, is_active, is_deleted, is_known from core.dim_vendor"
    ) == [
        (
            *("1", "V1", 'Doña "Ñ" 😀', Decimal("12.34")),
            *(instant(1), instant(2), True, False, True),
        )
    ]


def test_deleted(give: Give, ask: Ask) -> None:
    """One that is gone keeps its last words, is not active, and changed when it went."""
    give("vendors", id="1", name="Gone", status="Active", _dlt_valid_to="2026-01-03")

    assert ask(
        "select vendor_name, is_active, is_deleted, last_changed_at from core.dim_vendor"
    ) == [("Gone", False, True, instant(3))]


def test_returned(give: Give, ask: Ask) -> None:
    """One that was gone and is back is not deleted, and was first seen before it went."""
    give("vendors", id="1", name="Before", _dlt_valid_to="2026-01-03")
    give("vendors", id="1", name="After", _dlt_valid_from="2026-01-05")

    assert ask(
        "select vendor_name, is_deleted, first_seen_at, last_changed_at from core.dim_vendor"
    ) == [("After", False, instant(1), instant(5))]


def test_no_name(give: Give, ask: Ask) -> None:
    """One without a name is called by its code, and by its id where it has none."""
    give("vendors", id="1", code="V1")
    give("vendors", id="2")

    assert ask("select vendor_name from core.dim_vendor order by 1") == [("2",), ("V1",)]


@pytest.mark.parametrize(
    ("status", "is_active"),
    [("active", True), ("ACTIVE", True), (None, True), ("Inactive", False), ("on hold", False)],
)
def test_active(give: Give, ask: Ask, status: str | None, is_active: bool) -> None:
    """A vendor is active whose status says so in any case, or says nothing."""
    give("vendors", id="1", status=status)

    assert ask("select is_active from core.dim_vendor") == [(is_active,)]


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
    give("vendors", id="1", payment_terms=terms)

    assert ask("select payment_terms, terms_days from core.dim_vendor") == [(terms, days)]


@pytest.mark.parametrize(("given", "currency"), [("eur", "EUR"), (None, "USD"), (" ", "USD")])
def test_currency(give: Give, ask: Ask, given: str | None, currency: str) -> None:
    """A vendor without a currency has the tenant's."""
    give("vendors", id="1", currency=given)

    assert ask("select currency from core.dim_vendor") == [(currency,)]


def test_unknown(give: Give, ask: Ask) -> None:
    """Whom only documents name is a vendor nobody knows; none at all is one too."""
    give("vendors", id="1", name="Known")
    give("purchase_orders", id="1", vendor_id="1")
    give("purchase_orders", id="2", vendor_id="7")
    give("purchase_orders", id="3", vendor_id=None)
    give("purchase_orders", id="4", vendor_id="8", _dlt_valid_to="2026-01-02")

    assert ask(
        "select vendor_id, vendor_name, currency, is_active, is_deleted, is_known"
        " from core.dim_vendor order by all"
    ) == [
        ("(none)", "(none)", "USD", False, False, False),
        ("1", "Known", "USD", True, False, True),
        ("7", "(unknown 7)", "USD", False, False, False),
        ("8", "(unknown 8)", "USD", False, False, False),
    ]
