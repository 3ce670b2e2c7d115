"""Versions of invoices, with missing amounts filled in."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

MONEY = "invoice_subtotal, invoice_tax, invoice_total, amount_paid, balance"
HUGE = "9999999999999999.99"


def amounts(*values: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in values)


def test_versions(insert: Action, query: Query) -> None:
    """Every version is a row, including those of deleted and restored invoices."""
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    insert("invoices", id="1", balance=107, _dlt_valid_to="2026-01-02")
    insert("invoices", id="1", balance=7, _dlt_valid_from="2026-01-02", _dlt_valid_to="2026-01-03")
    insert("invoices", id="1", balance=0, _dlt_valid_from="2026-01-04")

    assert query(
        "select invoice_id, valid_from, valid_to, balance from core.fct_invoice_history"
        " order by valid_from"
    ) == [
        ("1", days[0], days[1], Decimal(107)),
        ("1", days[1], days[2], Decimal(7)),
        ("1", days[3], None, Decimal(0)),
    ]


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        # subtotal, tax, total, paid, balance
        (("100", "7", "107", "50", "57"), ("100", "7", "107", "50", "57")),
        ((None, "7", "107", "0", "107"), ("100", "7", "107", "0", "107")),
        (("100", None, "107", "0", "107"), ("100", "7", "107", "0", "107")),
        (("100", "7", None, "0", "107"), ("100", "7", "107", "0", "107")),
        (("100", "7", "107", None, "57"), ("100", "7", "107", "50", "57")),
        (("100", "7", "107", "50", None), ("100", "7", "107", "50", "57")),
        (("100", "7", "107", None, None), ("100", "7", "107", "0", "107")),
        (("100", "7", "107", "110", None), ("100", "7", "107", "110", "-3")),
        (("-100", "-7", "-107", None, None), ("-100", "-7", "-107", "0", "-107")),
        (("100", None, None, None, None), ("100", "0", "100", "0", "100")),
        ((None, None, "107", None, None), ("107", "0", "107", "0", "107")),
        ((None, "7", None, None, None), ("0", "7", "7", "0", "7")),
        ((None, None, None, None, "5"), ("0", "0", "0", "-5", "5")),
        ((None, None, None, None, None), ("0", "0", "0", "0", "0")),
        ((HUGE, None, None, None, None), (HUGE, "0", HUGE, "0", HUGE)),
    ],
)
def test_amounts(
    insert: Action, query: Query, given: tuple[str | None, ...], whole: tuple[str, ...]
) -> None:
    """Missing amounts are derived from the others: net and tax from the total, the balance from the
    amount paid. An existing balance is kept, whatever the others are."""
    names = ("subtotal", "tax_total", "total", "amount_paid", "balance")
    insert("invoices", id="1", **dict(zip(names, given, strict=True)))

    assert query(f"select {MONEY} from core.fct_invoice_history") == [amounts(*whole)]


@pytest.mark.parametrize(
    ("status", "paid", "balance", "owed"),
    [
        # what is given, and what is paid and owed of 107
        ("Paid", None, None, ("107", "0", False)),
        ("PAID", None, None, ("107", "0", False)),
        ("Paid", "50", None, ("50", "57", True)),
        ("Paid", None, "57", ("50", "57", True)),
        ("Void", None, None, ("0", "0", False)),
        ("Draft", None, None, ("0", "0", False)),
        ("draft", "0", None, ("0", "0", False)),
        ("Void", "7", None, ("7", "0", False)),
        ("Void", None, "107", ("0", "107", False)),
        ("Void", None, "0", ("107", "0", False)),
        ("PartiallyPaid", None, None, ("0", "107", True)),
        ("Posted", None, None, ("0", "107", True)),
    ],
)
def test_owed_by_status(
    insert: Action,
    query: Query,
    status: str,
    paid: str | None,
    balance: str | None,
    owed: tuple[str, str, bool],
) -> None:
    """If neither the balance nor the amount paid is known, nothing is owed on a paid invoice. Of a
    void one or a draft nothing is owed, unless P4 Books says so."""
    insert("invoices", id="1", status=status, total=107, amount_paid=paid, balance=balance)

    assert query("select amount_paid, balance, is_open from core.fct_invoice_history") == [
        (Decimal(owed[0]), Decimal(owed[1]), owed[2])
    ]


def test_overflow(insert: Action, query: Query) -> None:
    """A sum of amounts that overflows its column is taken as missing and breaks nothing."""
    insert("invoices", id="1", subtotal=HUGE, tax_total=HUGE)

    assert query(f"select {MONEY} from core.fct_invoice_history") == [amounts(HUGE, HUGE, *"000")]


def test_header_without_amounts(insert: Action, query: Query) -> None:
    """Without amounts in its header an invoice is the sum of its lines; a line without a subtotal
    is quantity x price less the discount."""
    insert(
        "invoices",
        id="1",
        tax_total="7.70",
        lines=[
            {"subtotal": "100.005"},
            {"quantity": 1000, "price": "1000", "discount": "0.5"},
            {"quantity": 3, "price": "N/A"},
        ],
    )

    assert query(f"select {MONEY} from core.fct_invoice_history") == [
        amounts("1000099.51", "7.70", "1000107.21", "0", "1000107.21")
    ]


@pytest.mark.parametrize(
    ("days", "document_on", "due_on"),
    [
        (("2026-02-01", "2026-03-03", "2026-02-02"), "2026-02-01", "2026-03-03"),
        (("2026-02-01", None, "2026-02-02"), "2026-02-01", "2026-02-01"),
        ((None, None, "2026-02-02"), "2026-02-02", "2026-02-02"),
        ((None, "2026-03-03", None), "2026-01-31", "2026-03-03"),
        (("0202-02-02", "9999-12-31", None), "0202-02-02", "9999-12-31"),
    ],
)
def test_days(
    insert: Action, query: Query, days: tuple[str | None, ...], document_on: str, due_on: str
) -> None:
    """A missing document date is the posting date, else the day of creation in Panama; a missing
    due date is the document date."""
    document, due, posting = days
    insert(
        "invoices",
        id="1",
        document_date=document,
        due_date=due,
        posting_date=posting,
        date_created="2026-02-01 04:59:59+00",
    )

    assert query("select document_on, due_on from core.fct_invoice_history") == [
        (date.fromisoformat(document_on), date.fromisoformat(due_on))
    ]


def test_no_day(insert: Action, query: Query) -> None:
    """Without any day, every version belongs to the day in Panama on which the first one was
    seen."""
    insert(
        "invoices",
        id="1",
        _dlt_valid_from="2026-02-01 04:59:59+00",
        _dlt_valid_to="2026-03-01 00:00:00+00",
    )
    insert("invoices", id="1", _dlt_valid_from="2026-03-01 00:00:00+00")

    assert query("select document_on from core.fct_invoice_history") == [(date(2026, 1, 31),)] * 2


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        # live, open, void, draft, paid
        ("Posted", (True, True, False, False, False)),
        ("partially_paid", (True, True, False, False, False)),
        ("PAID", (True, False, False, False, True)),
        (" void", (False, False, True, False, False)),
        ("VOID", (False, False, True, False, False)),
        ("draft", (False, False, False, True, False)),
        (None, (True, True, False, False, False)),
        ("Überprüft", (True, True, False, False, False)),
    ],
)
def test_status(insert: Action, query: Query, status: str | None, flags: tuple[bool, ...]) -> None:
    """An invoice is live unless it is void or a draft, in any case; open if it is live and has a
    balance."""
    insert("invoices", id="1", status=status, total=107)

    assert query(
        "select is_live, is_open, is_void, is_draft, is_paid from core.fct_invoice_history"
    ) == [flags]


@pytest.mark.parametrize(
    ("total", "balance", "is_open", "is_credit_note"),
    [
        (107, 0, False, False),
        (107, -3, True, False),
        (-107, -107, True, True),
        (0, 0, False, False),
    ],
)
def test_open(
    insert: Action, query: Query, total: int, balance: int, is_open: bool, is_credit_note: bool
) -> None:
    """Overpaid invoices and credit notes are open too; a credit note has a negative total."""
    insert("invoices", id="1", total=total, balance=balance)

    assert query("select is_open, is_credit_note from core.fct_invoice_history") == [
        (is_open, is_credit_note)
    ]


@pytest.mark.parametrize(("given", "currency"), [("eur ", "EUR"), (None, "USD"), ("", "USD")])
def test_currency(insert: Action, query: Query, given: str | None, currency: str) -> None:
    """An invoice without a currency has the tenant's."""
    insert("invoices", id="1", currency=given)

    assert query("select currency from core.fct_invoice_history") == [(currency,)]


def test_no_customer(insert: Action, query: Query) -> None:
    """An invoice without a customer is listed under (none), one of an unknown customer under its
    id."""
    insert("invoices", id="1", customer_id=None)
    insert("invoices", id="2", customer_id="77")

    assert query("select invoice_id, customer_id from core.fct_invoice_history order by 1") == [
        ("1", "(none)"),
        ("2", "77"),
    ]


def test_only_total_and_lines(insert: Action, query: Query) -> None:
    """If the header has only a total, the net is that of the lines, and the tax is the rest."""
    insert("invoices", id="1", total=107, lines=[{"subtotal": 60}, {"subtotal": 40}])
    insert("invoices", id="2", total=107)

    assert query(f"select {MONEY} from core.fct_invoice_history order by invoice_id") == [
        amounts("100", "7", "107", "0", "107"),
        amounts("107", "0", "107", "0", "107"),
    ]
