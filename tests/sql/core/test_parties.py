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
    [
        *[(status, True) for status in ("active", "ACTIVE", " active ", None, "", " ", "1", "-")],
        *[(status, False) for status in ("Inactive", "on hold", "true", "{}x")],
    ],
)
def test_active(
    insert: Action, query: Query, party: str, status: str | None, is_active: bool
) -> None:
    """A party is active if its status says so in any case, or says nothing."""
    insert(f"{party}s", id="1", status=status)

    assert query(f"select is_active from core.dim_{party}") == [(is_active,)]


TERMS: dict[int | None, list[str]] = {
    30: [
        "Net 30",
        "NET30",
        "net-30",
        "Net: 30",
        "N30",
        "n/30",
        "Neto 30",
        "Neto 30 días",
        "neto a 30 días",
        "30 neto",
        "30 días netos",
        "30",
        "30 días",
        "30 dias",
        "30 DÍAS",
        "30D",
        "30d",
        "a 30 días",
        "30 days",
        "Crédito 30",
        "C30",
        "30 días fecha factura",
        "30 días f.f.",
        "30 días vista",
        "030 días",
        "2/10 net 30",
        "2/10, n/30",
        "2/10 n30",
        "2/10n30",
        "2/10, net 30",
        "2/10 net 30 EOM",
        "2/10, 30 días",
        "2% 10 net 30",
        "2% 10, net 30",
        "2%/10 net 30",
        "2% 10 días, neto 30",
        "Net 30, 2% 10",
        "Net 30, 2% cash discount",
        "30 días (5% pronto pago)",
        "5% pronto pago, 30 días",
        "Crédito 30 días, 2% a 10 días",
        "30 días fin de mes, pago día 5",
        "30 días fin de mes",
        "Net 30 (cláusula 4.2)",
        "Crédito 30 (cláusula 4.2)",
        "Net 30, 5 días de gracia",
        "30 días + 5 días de gracia",
        "Net 30, 1.5% monthly interest",
        "30 días, 2% mora mensual",
        "Net due in 30 days",
        "Net 30 days from receipt",
        "Net 30 EOM",
        "30 días según contrato 2024-15",
        "3% a 7 días; 30 días neto",
    ],
    15: [
        "Crédito 15 dias",
    ],
    60: [
        "crédito a 60 días",
        "60 DFF",
        "60 días fecha de factura, 3% descuento a 15 días",
    ],
    45: [
        "CR-45",
        "1.5/15 net 45",
    ],
    8: [
        "8 dias",
        "Contado 8 días",
    ],
    120: [
        "120 días",
    ],
    1: [
        "1 día",
    ],
    14: [
        "2 semanas",
        "2 weeks",
    ],
    0: [
        "Net 0",
        "0 días",
        "Contado",
        " cash ",
        "Cash",
        "COD",
        "C.O.D.",
        "cod",
        "Al contado",
        "Pago de contado",
        "Contra entrega",
        "contraentrega",
        "Efectivo",
        "Due on receipt",
        "Due upon receipt",
        "Cash on delivery",
        "Pago inmediato",
        "Pago anticipado",
        "Prepago",
        "Prepaid",
        "Cash in advance",
        "CIA",
        "Contado, 2% descuento",
        "A la vista",
    ],
    None: [
        "EOM",
        "fin de mes",
        "Net EOM",
        "EOM 15",
        "15 EOM",
        "15 MFI",
        "30-60-90",
        "30/60/90",
        "30/60/90 días",
        "30, 60 y 90 días",
        "30 y 60 días",
        "30-60 días",
        "30 a 60 días",
        "30 días, 60 días",
        "Net 30/60",
        "30,60,90",
        "30.60.90",
        "30 días y 60 días",
        "50% anticipo, 50% a 30 días",
        "50% anticipado y 50% contra entrega",
        "2% 10 días",
        "2/10",
        "15 de cada mes",
        "el 15 de cada mes",
        "10 del mes siguiente",
        "10th of next month",
        "Net 10th prox",
        "pago día 15",
        "1 mes",
        "2 meses",
        "15 días hábiles",
        "30 business days",
        "5% pronto pago",
        "",
        "Crédito",
        "Por definir",
        "Net",
        "mensual",
        "Net 99999999999999999999",
        "Net 2024",
        "Net 30 or net 60",
        "Crédito o contado",
    ],
}


@PARTIES
@pytest.mark.parametrize("days", TERMS)
def test_terms(insert: Action, query: Query, party: str, days: int | None) -> None:
    """Terms in Spanish and English are days if they name one fixed number of them; discounts for
    early payment, days of grace and days of the month are others."""
    for number, terms in enumerate(TERMS[days]):
        insert(f"{party}s", id=f"{number}", payment_terms=terms)
    insert(f"{party}s", id="none", payment_terms=None)

    assert (
        query(
            f"select payment_terms, terms_days from core.dim_{party} where {party}_id <> 'none'"
            f" and terms_days is distinct from {'null' if days is None else days}"
        )
        == []
    )
    assert query(f"select terms_days from core.dim_{party} where {party}_id = 'none'") == [(None,)]


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
