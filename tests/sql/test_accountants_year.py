"""A distributor's year of twelve months, whose reports were worked out by hand.

It has credit notes, a void, a draft, a deleted invoice, two currencies, a rate that changes in
July, two months that were filed and then changed, and tax withheld with payments. The figures are
in accountants_year.csv, with how each was worked out.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sql.books import Books

Row = dict[str, Any]

BEGAN = "2026-01-05 12:00:00+00"
AS_OF = {"as_of_at": "2026-12-31 17:00:00+00", "as_of_on": "2026-12-31", "history_since": BEGAN}
with (Path(__file__).parent / "accountants_year.csv").open(encoding="utf-8", newline="") as _lines:
    FIGURES = list(csv.DictReader(_lines))


def invoice(
    number: int, customer: str, day: str, due: str, tax: str, *lines: str, **more: Any
) -> Row:
    """Return a posted invoice that was first seen at noon of its day; a line is `CODE NET`."""
    items = [dict(zip(("tax_code", "subtotal"), line.split(), strict=True)) for line in lines]
    cents = sum(round(float(item["subtotal"]) * 100) for item in items)
    total = (cents + round(float(tax) * 100)) / 100
    return {
        "id": f"{number}",
        "code": f"F{number}",
        "customer_id": customer,
        "currency": "USD",
        "document_date": day,
        "due_date": due,
        "status": "Posted",
        "lines": items,
        "subtotal": f"{cents / 100:.2f}",
        "tax_total": tax,
        "total": f"{total:.2f}",
        "amount_paid": "0",
        "balance": f"{total:.2f}",
        "_dlt_valid_from": f"{day} 17:00:00+00",
        "_dlt_valid_to": None,
        **more,
    }


def history(first: Row, *changes: tuple[str, Row]) -> list[Row]:
    """Return the versions of an invoice: as it was first, and from each day on."""
    versions = [first]
    for day, change in changes:
        instant = f"{day} 17:00:00+00"
        versions[-1] = {**versions[-1], "_dlt_valid_to": instant}
        if change:
            versions.append(
                {**versions[-1], **change, "_dlt_valid_from": instant, "_dlt_valid_to": None}
            )
    return versions


def paid(amount: str, balance: str, status: str = "PartiallyPaid") -> Row:
    return {"amount_paid": amount, "balance": balance, "status": status}


EURO = {"currency": "EUR"}
INVOICES = [
    *history(invoice(1, "1", "2026-01-10", "2026-02-09", "7.00", "ITBMS 100"),
             ("2026-02-20", paid("107", "0", "Paid"))),
    *history(invoice(2, "2", "2026-01-20", "2026-02-19", "14.00", "ITBMS 200"),
             ("2026-03-03", paid("207", "7"))),
    invoice(3, "1", "2026-02-05", "2026-03-07", "3.50", "ITBMS 50", "EXENTO 50"),
    invoice(4, "1", "2026-02-25", "2026-02-25", "-1.40", "ITBMS -20"),
    *history(invoice(5, "3", "2026-03-10", "2026-04-09", "30.00", "ITBMS10 300", **EURO),
             ("2026-04-02", paid("330", "0", "Paid"))),
    *history(invoice(6, "1", "2026-03-15", "2026-04-14", "28.00", "ITBMS 400"),
             ("2026-04-20", {"status": "Void"})),
    invoice(7, "1", "2026-03-31", "2026-04-30", "4.20", "ITBMS 60",
            _dlt_valid_from="2026-04-16 17:00:00+00"),
    *history(invoice(8, "1", "2026-04-30", "2026-06-01", "5.60", "ITBMS 80"),
             ("2026-05-20", {"document_date": "2026-05-02"})),
    *history(invoice(9, "2", "2026-06-30", "2026-07-30", "70.00", "ITBMS 1000"),
             ("2026-08-10", paid("517.50", "552.50")), ("2026-09-09", paid("1035", "35"))),
    invoice(10, "2", "2026-07-01", "2026-07-31", "80.00", "ITBMS 1000"),
    invoice(11, "1", "2026-09-15", "2026-10-15", "79.92", "ITBMS 999", status="Draft"),
    *history(invoice(12, "1", "2026-10-03", "2026-11-02", "0.80", "ITBMS 10"),
             ("2026-10-20", {})),
    invoice(13, "3", "2026-12-20", "2026-12-20", "-3.00", "ITBMS10 -30", **EURO),
    invoice(14, "1", "2026-11-11", "2026-12-11", "0.02", "ITBMS 0.07", "ITBMS 0.07",
            "ITBMS 0.07"),
]  # fmt: skip
CUSTOMERS = [
    {"id": number, "code": f"C{number}", "name": name, "currency": currency,
     "_dlt_valid_from": BEGAN, "_dlt_valid_to": None}
    for number, name, currency in (
        ("1", "Abarrotería", "USD"), ("2", "Ministerio", "USD"), ("3", "Hotel", "EUR"))
]  # fmt: skip
YEAR = {
    "customers": CUSTOMERS,
    "invoices": INVOICES,
    "tax_rates": [
        {"tax_code": "ITBMS", "rate": "0.08", "box": "11", "valid_from": "2026-07-01"},
    ],
    "withholding_customers": [{"customer_code": "C2", "share": "0.5"}],
    "withholding_certificates": [
        {"customer_code": "C2", "month": "2026-03-01", "number": "1", "amount": "7.00"},
        {"customer_code": "C2", "month": "2026-08-01", "number": "2", "amount": "17.50"},
    ],
    "filed_returns": [
        {"form": "430", "month": "2026-03-01", "filed_on": "2026-04-14", "box": box, "amount": due}
        for box, due in (("11", "400.00"), ("111", "28.00"))
    ]
    + [{"form": "430", "month": "2026-04-01", "filed_on": "2026-05-14"}],
}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """The year and the reports on it."""
    books = Books(tmp_path_factory.mktemp("year"))
    with books.loaded(YEAR, AS_OF):
        yield books


def test_figures(books: Books) -> None:
    """Every figure is the one that was worked out by hand, and no check fails."""
    wrong = []
    for line in FIGURES:
        report, rows, figure = (line[name] for name in ("report", "rows", "figure"))
        found = books.query(f"select {figure} from reporting.{report} where {rows}")
        if [tuple(map(str, row)) for row in found] != [(line["value"],)]:
            wrong.append(f"{report} where {rows}: {figure} is {found}, not {line['value']}")

    assert wrong == []
    books.check()
