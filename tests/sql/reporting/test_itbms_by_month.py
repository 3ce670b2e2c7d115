"""ITBMS by month, tax code and rate."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
FIGURES = "tax_code, rate_name, documents, taxable_base, exempt_base, tax"


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Return a function that adds an invoice: its day, the header's net and tax, and the lines' tax
    codes and nets."""
    numbers = iter(range(1, 1000))

    def add_invoice(
        day: str, net: str | None, tax: str | None, *lines: tuple[str | None, str], **fields: Any
    ) -> None:
        row = {"id": f"{next(numbers)}", "subtotal": net, "tax_total": tax, **fields}
        items = [{"tax_code": code, "subtotal": each} for code, each in lines]
        insert("invoices", **row, document_date=day, lines=items)

    return add_invoice


@pytest.fixture
def months(query_text: Query) -> Query:
    """Return a function that selects columns of each month, code and rate."""

    def months(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.itbms_by_month"
            " order by month_on, currency, tax_code, rate_name"
        )

    return months


def test_no_documents(query: Query) -> None:
    """A warehouse without documents has no months."""
    assert query("select * from reporting.itbms_by_month") == []


def test_month(add_invoice: Action, months: Query) -> None:
    """Each code has its base, tax and documents; a credit note is subtracted."""
    add_invoice(
        *("2026-01-01", "460.00", "39.00"),
        *(("ITBMS7", "100.00"), ("itbms10", "200.00"), (" ITBMS15 ", "80.00")),
        *(("EXENTO", "50.00"), ("EXEMPT", "30.00")),
    )
    add_invoice("2026-01-31", "-10.00", "-0.70", ("ITBMS7", "-6.00"), ("ITBMS7", "-4.00"))
    add_invoice("2026-02-01", "1.00", "0.07", ("ITBMS", "1.00"))

    assert months(f"month_on, itbms_due_on, {FIGURES}") == [
        *[("2026-01-01", "2026-02-15", "EXEMPT", "0 %", 1, "0.00", "30.00", "0.00")],
        *[("2026-01-01", "2026-02-15", "EXENTO", "0 %", 1, "0.00", "50.00", "0.00")],
        *[("2026-01-01", "2026-02-15", "ITBMS10", "10 %", 1, "200.00", "0.00", "20.00")],
        *[("2026-01-01", "2026-02-15", "ITBMS15", "15 %", 1, "80.00", "0.00", "12.00")],
        *[("2026-01-01", "2026-02-15", "ITBMS7", "7 %", 2, "90.00", "0.00", "6.30")],
        *[("2026-02-01", "2026-03-15", "ITBMS", "7 %", 1, "1.00", "0.00", "0.07")],
    ]
    assert months("tax_rate, month_tax_by_lines, month_tax_charged, month_difference")[0] == (
        *("0.000000", "38.30", "38.30", "0.00"),
    )


def test_not_live(add_invoice: Action, months: Query) -> None:
    """Void, draft and deleted invoices are not in any month."""
    for fields in ({"status": "VOID"}, {"status": " draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5.00", "0.35", ("ITBMS7", "5.00"), **fields)

    assert months("*") == []


def test_changed_rate(add_invoice: Action, months: Query) -> None:
    """In the month of a new rate both rates are listed, each for its own days."""
    add_invoice("2010-06-30", "100.00", "5.00", ("ITBMS", "100.00"))
    add_invoice("2010-07-01", "100.00", "7.00", ("ITBMS", "100.00"))

    assert months(f"month_on, {FIGURES}") == [
        ("2010-06-01", "ITBMS", "5 %", 1, "100.00", "0.00", "5.00"),
        ("2010-07-01", "ITBMS", "7 %", 1, "100.00", "0.00", "7.00"),
    ]


def test_rate_of_the_user(insert: Action, add_invoice: Action, months: Query) -> None:
    """A rate that the user's own file changes in mid-month makes two rows of it."""
    insert("tax_rates", tax_code="lujo", rate="0.125", valid_from="2020-01-01")
    insert("tax_rates", tax_code="LUJO", rate="0.2", valid_from="2026-03-16")
    add_invoice("2026-03-15", "100.00", "12.50", ("Lujo", "100.00"))
    add_invoice("2026-03-16", "100.00", "20.00", ("LUJO", "100.00"))

    assert months(f"month_on, tax_rate, {FIGURES}") == [
        ("2026-03-01", "0.125000", "LUJO", "12.5 %", 1, "100.00", "0.00", "12.50"),
        ("2026-03-01", "0.200000", "LUJO", "20 %", 1, "100.00", "0.00", "20.00"),
    ]


def test_unknown_codes(add_invoice: Action, months: Query) -> None:
    """The tax of an unknown or missing code is what was charged in excess of the known ones, to the
    cent: 10.00 less 7.00 makes 3.00 for three thirds. Without tax, the base is exempt."""
    lines = [("ITBMS7", "100.00"), ("NEW", "10.00"), (None, "10.00"), (" ", "10.00")]
    add_invoice("2026-01-01", "130.00", "10.00", *lines)
    add_invoice("2026-01-02", "40.00", "0.00", ("FREE", "40.00"))
    add_invoice("2026-01-02", "10.00", "1.00", ("PART", "3.00"), ("PART", "3.00"), ("PART", "4.00"))

    assert months(f"tax_rate, {FIGURES}") == [
        (None, "(none)", "(unknown)", 1, "20.00", "0.00", "2.00"),
        (None, "FREE", "(unknown)", 1, "0.00", "40.00", "0.00"),
        ("0.070000", "ITBMS7", "7 %", 1, "100.00", "0.00", "7.00"),
        (None, "NEW", "(unknown)", 1, "10.00", "0.00", "1.00"),
        (None, "PART", "(unknown)", 1, "10.00", "0.00", "1.00"),
    ]


def test_before_any_rate(add_invoice: Action, months: Query) -> None:
    """Before the first rate of a code it has none; the tax charged counts."""
    add_invoice("0202-02-02", "100.00", "3.00", ("ITBMS", "100.00"))

    assert months(f"month_on, itbms_due_on, {FIGURES}") == [
        ("0202-02-01", "0202-03-15", "ITBMS", "(unknown)", 1, "100.00", "0.00", "3.00")
    ]


def test_last_possible_month(add_invoice: Action, months: Query) -> None:
    """A document of the year 9999 breaks nothing, though its ITBMS is due in a year that is not a
    valid date."""
    add_invoice("9999-12-31", "100.00", "7.00", ("ITBMS7", "100.00"))

    assert months("month_on, itbms_due_on, tax") == [("9999-12-01", None, "7.00")]


def test_header_and_lines(add_invoice: Action, months: Query) -> None:
    """Each row also has the month's tax by headers and by lines, which here differ by a cent of
    rounding, or by tax that no line explains."""
    add_invoice(
        "2026-01-01", "0.21", "0.01", ("ITBMS7", "0.07"), ("ITBMS7", "0.07"), ("ITBMS7", "0.07")
    )
    add_invoice("2026-01-02", "50.00", "4.00", ("EXENTO", "50.00"))

    assert months("tax_code, tax, month_tax_by_lines, month_tax_charged, month_difference") == [
        ("EXENTO", "0.00", "0.00", "4.01", "4.01"),
        ("ITBMS7", "0.00", "0.00", "4.01", "4.01"),
    ]


def test_header_exceeds_lines(add_invoice: Action, months: Query) -> None:
    """A header's excess over its lines, or a header without lines, stays in the month, without a
    code."""
    add_invoice("2026-01-01", "100.00", "5.00", ("ITBMS7", "60.00"))
    add_invoice("2026-01-01", "10.00", "0.70")
    add_invoice("2026-01-01", "0.00", "0.30")

    assert months(FIGURES) == [
        ("(none)", "(unknown)", 3, "50.00", "0.00", "1.80"),
        ("ITBMS7", "7 %", 1, "60.00", "0.00", "4.20"),
    ]


def test_missing_amounts(add_invoice: Action, months: Query) -> None:
    """A header's missing net or tax is derived from its total; without any amounts from its
    lines."""
    add_invoice("2026-01-01", None, "7.00", ("ITBMS7", "100.00"), total="107.00")
    add_invoice("2026-01-01", "100.00", None, ("ITBMS7", "100.00"), total="107.00")
    add_invoice("2026-01-01", None, None, ("ITBMS7", "100.00"), status=None)

    assert months(f"{FIGURES}, month_tax_charged, month_difference") == [
        ("ITBMS7", "7 %", 3, "300.00", "0.00", "21.00", "14.00", "-7.00")
    ]


def test_currencies(add_invoice: Action, months: Query) -> None:
    """Each currency has its own rows, headers and difference."""
    add_invoice("2026-01-01", "100.00", "7.00", ("ITBMS7", "100.00"), currency="eur")
    add_invoice("2026-01-01", "200.00", "14.01", ("ITBMS7", "200.00"))

    assert months("currency, taxable_base, tax, month_tax_charged, month_difference") == [
        ("EUR", "100.00", "7.00", "7.00", "0.00"),
        ("USD", "200.00", "14.00", "14.01", "0.01"),
    ]


def test_overflow(add_invoice: Action, months: Query) -> None:
    """Sums that overflow their column are null and break nothing."""
    add_invoice("2026-01-01", HUGE, HUGE, ("ITBMS7", HUGE))
    add_invoice("2026-01-01", HUGE, HUGE, ("ITBMS7", HUGE), ("ITBMS7", HUGE), ("NEW", f"-{HUGE}"))

    assert [row[:3] for row in months("tax_code, taxable_base, month_tax_charged")] == [
        ("ITBMS7", None, None),
        ("NEW", f"-{HUGE}", None),
    ]


def test_rounding(add_invoice: Action, months: Query) -> None:
    """A line with an unknown code is exempt if the header charges nothing but rounding for it."""
    add_invoice("2026-03-01", "200.00", "6.99", ("ITBMS7", "100.00"), ("EXE", "100.00"))
    add_invoice("2026-04-01", "200.00", "8.00", ("ITBMS7", "100.00"), ("EXE", "100.00"))

    assert months(f"month_on, {FIGURES}") == [
        ("2026-03-01", "EXE", "(unknown)", 1, "0.00", "100.00", "-0.01"),
        ("2026-03-01", "ITBMS7", "7 %", 1, "100.00", "0.00", "7.00"),
        ("2026-04-01", "EXE", "(unknown)", 1, "100.00", "0.00", "1.00"),
        ("2026-04-01", "ITBMS7", "7 %", 1, "100.00", "0.00", "7.00"),
    ]
