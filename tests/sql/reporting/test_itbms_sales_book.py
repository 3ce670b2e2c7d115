"""Sales book for ITBMS."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
AMOUNTS = "tax_code, net, tax, total"


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Return a function that adds an invoice of 31 January: the header's net and tax, and the
    lines' codes and nets."""
    numbers = iter(range(1, 1000))

    def add_invoice(
        net: str | None, tax: str | None, *lines: tuple[str | None, str], **fields: Any
    ) -> None:
        items = [{"tax_code": code, "subtotal": each} for code, each in lines]
        row = {"id": f"{next(numbers)}", "document_date": "2026-01-31", "lines": items, **fields}
        insert("invoices", **row, subtotal=net, tax_total=tax)

    return add_invoice


@pytest.fixture
def book(query_text: Query) -> Query:
    """Return a function that selects columns of each invoice and code."""

    def book(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.itbms_sales_book"
            " order by document_on, invoice_id, tax_code"
        )

    return book


def test_no_documents(query: Query) -> None:
    """A warehouse without documents has an empty book."""
    assert query("select * from reporting.itbms_sales_book") == []


def test_invoice(insert: Action, add_invoice: Action, book: Query) -> None:
    """An invoice has a row for each of its codes, with its customer and tax number."""
    insert("customers", id="7", name="Old", tax_id="1", _dlt_valid_to="2026-01-02")
    insert("customers", id="7", name="Buyer", tax_id="8-1-1 DV 5", _dlt_valid_from="2026-01-02")
    lines = [("ITBMS7", "60.00"), ("EXENTO", "50.00"), ("itbms7", "40.00")]
    add_invoice("150.00", "7.00", *lines, code="F1", customer_id="7", status="Posted")

    invoice = ("1", "7", "F1", "Buyer", "8-1-1 DV 5", "Posted")
    days = (False, False, "2026-01-31", "2026-01-01")
    assert book("*") == [
        (*invoice, "EXENTO", "17", "USD", *days, "0.000000", "50.00", "0.00", "50.00"),
        (*invoice, "ITBMS7", "11", "USD", *days, "0.070000", "100.00", "7.00", "107.00"),
    ]


@pytest.mark.parametrize("status", ["Void", "VOID", " void"])
def test_void(add_invoice: Action, book: Query, status: str) -> None:
    """A void invoice is in the book with 0 for each of its codes, or with one row without a code if
    it has no lines."""
    add_invoice("100.00", "7.00", ("ITBMS7", "90.00"), ("EXENTO", "10.00"), status=status)
    add_invoice("100.00", "7.00", status=status)
    add_invoice(None, None, status=status)

    assert book(f"invoice_id, is_void, {AMOUNTS}") == [
        ("1", True, "EXENTO", "0.00", "0.00", "0.00"),
        ("1", True, "ITBMS7", "0.00", "0.00", "0.00"),
        ("2", True, "(none)", "0.00", "0.00", "0.00"),
        ("3", True, "(none)", "0.00", "0.00", "0.00"),
    ]


def test_draft_and_deleted(add_invoice: Action, book: Query) -> None:
    """Drafts and deleted invoices, even void ones, are not in the book."""
    for fields in (
        {"status": "DRAFT"},
        {"_dlt_valid_to": "2026-02-01"},
        {"status": "Void", "_dlt_valid_to": "2026-02-01"},
    ):
        add_invoice("100.00", "7.00", ("ITBMS7", "100.00"), **fields)

    assert book("*") == []


def test_deleted_and_restored(add_invoice: Action, book: Query) -> None:
    """A deleted and restored invoice is listed once, in its current version."""
    add_invoice("1.00", "0.07", ("ITBMS7", "1.00"), id="1", _dlt_valid_to="2026-01-05")
    add_invoice("2.00", "0.14", ("ITBMS7", "2.00"), id="1", _dlt_valid_from="2026-01-09")

    assert book(AMOUNTS) == [("ITBMS7", "2.00", "0.14", "2.14")]


def test_credit_notes(add_invoice: Action, book: Query) -> None:
    """A credit note is listed with negative amounts."""
    add_invoice("-100.00", "-7.00", ("ITBMS7", "-100.00"), total="-107.00")

    assert book(f"is_credit_note, {AMOUNTS}") == [(True, "ITBMS7", "-100.00", "-7.00", "-107.00")]


def test_rounding(add_invoice: Action, book: Query) -> None:
    """The book shows the tax charged: its difference from the tax of the lines is added to the code
    with the most tax, the first by name if two have the same."""
    add_invoice("0.21", "0.01", *[("ITBMS7", "0.07")] * 3)
    add_invoice("30.00", "2.51", ("ITBMS10", "10.00"), ("ITBMS15", "10.00"), ("EXENTO", "10.00"))
    add_invoice("170.00", "13.99", ("ITBMS10", "70.00"), ("ITBMS7", "100.00"))
    add_invoice("-30.00", "-2.49", ("ITBMS10", "-10.00"), ("ITBMS15", "-20.00"))

    assert book(f"invoice_id, {AMOUNTS}") == [
        ("1", "ITBMS7", "0.21", "0.01", "0.22"),
        ("2", "EXENTO", "10.00", "0.00", "10.00"),
        ("2", "ITBMS10", "10.00", "1.00", "11.00"),
        ("2", "ITBMS15", "10.00", "1.51", "11.51"),
        ("3", "ITBMS10", "70.00", "6.99", "76.99"),
        ("3", "ITBMS7", "100.00", "7.00", "107.00"),
        ("4", "ITBMS10", "-10.00", "-1.00", "-11.00"),
        ("4", "ITBMS15", "-20.00", "-1.49", "-21.49"),
    ]


def test_tax_on_exempt_lines(add_invoice: Action, book: Query) -> None:
    """Tax that no line explains was charged, and is in the book."""
    add_invoice("50.00", "3.50", ("EXENTO", "20.00"), ("EXEMPT", "30.00"))

    assert book(AMOUNTS) == [
        ("EXEMPT", "30.00", "3.50", "33.50"),
        ("EXENTO", "20.00", "0.00", "20.00"),
    ]


def test_unknown_codes(add_invoice: Action, book: Query) -> None:
    """The tax of an unknown or missing code is as charged, to the cent."""
    add_invoice("130.00", "10.00", ("ITBMS7", "100.00"), ("NEW", "20.00"), (None, "10.00"))

    assert book(f"tax_rate, {AMOUNTS}") == [
        (None, "(none)", "10.00", "1.00", "11.00"),
        ("0.070000", "ITBMS7", "100.00", "7.00", "107.00"),
        (None, "NEW", "20.00", "2.00", "22.00"),
    ]


def test_header_exceeds_lines(add_invoice: Action, book: Query) -> None:
    """The book has the header's net and tax: the excess over the lines has no code."""
    add_invoice("100.00", "5.00", ("ITBMS7", "60.00"))
    add_invoice("10.00", "0.70")
    add_invoice("0.00", "0.00")
    add_invoice("0.00", "0.30")

    assert book(f"invoice_id, {AMOUNTS}") == [
        ("1", "(none)", "40.00", "0.80", "40.80"),
        ("1", "ITBMS7", "60.00", "4.20", "64.20"),
        ("2", "(none)", "10.00", "0.70", "10.70"),
        ("3", "(none)", "0.00", "0.00", "0.00"),
        ("4", "(none)", "0.00", "0.30", "0.30"),
    ]


def test_missing_values(insert: Action, add_invoice: Action, book: Query) -> None:
    """A customer without a name or number is listed; a missing currency is the tenant's, a missing
    status stays empty."""
    insert("customers", id="1", name="Gone", tax_id="9", _dlt_valid_to="2026-02-01")
    add_invoice("1.00", "0.00", customer_id="1", currency=" eur")
    add_invoice("1.00", "0.00", customer_id="8")
    add_invoice("1.00", "0.00", customer_id=None)

    assert book("customer_id, customer_name, tax_id, invoice_status, currency") == [
        ("1", "Gone", "9", None, "EUR"),
        ("8", "(unknown 8)", None, None, "USD"),
        ("(none)", "(none)", None, None, "USD"),
    ]


def test_rates_of_the_day(insert: Action, add_invoice: Action, book: Query) -> None:
    """An invoice has the rate of its day, before and after the user's own file changes it, and in
    the years 202 and 9999."""
    insert("tax_rates", tax_code="LUJO", rate="0.1", valid_from="2020-01-01", valid_to="2026-03-15")
    insert("tax_rates", tax_code="LUJO", rate="0.2", valid_from="2026-03-16")
    for day in ("0202-02-02", "2026-03-15", "2026-03-16", "9999-12-31"):
        add_invoice("10.00", "1.00", ("LUJO", "10.00"), document_date=day)

    assert book("month_on, tax_rate, tax") == [
        ("0202-02-01", None, "1.00"),
        ("2026-03-01", "0.100000", "1.00"),
        ("2026-03-01", "0.200000", "1.00"),
        ("9999-12-01", "0.200000", "1.00"),
    ]


def test_overflow(add_invoice: Action, book: Query) -> None:
    """Sums that overflow their column are null and break nothing."""
    add_invoice(HUGE, HUGE, ("ITBMS7", HUGE))
    add_invoice(HUGE, f"-{HUGE}", ("NEW", HUGE), ("NEW", HUGE), ("EXENTO", f"-{HUGE}"))

    assert book(f"invoice_id, {AMOUNTS}") == [
        ("1", "ITBMS7", HUGE, HUGE, None),
        ("2", "EXENTO", f"-{HUGE}", "0.00", f"-{HUGE}"),
        ("2", "NEW", None, f"-{HUGE}", HUGE),
    ]


WIDE = "base_0, tax_0, base_7, tax_7, base_10, tax_10, base_15, tax_15, base_other, tax_other"


@pytest.fixture
def wide_book(query_text: Query) -> Query:
    """Return a function that selects columns of each invoice, with its rates side by side."""

    def wide_book(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.itbms_sales_book_wide order by invoice_id"
        )

    return wide_book


def test_wide(insert: Action, add_invoice: Action, wide_book: Query) -> None:
    """An invoice has one row: its codes are added up in the columns of their rates."""
    insert("customers", id="7", name="Buyer", tax_id="8-1-1 DV 5")
    lines = [("ITBMS7", "60.00"), ("EXENTO", "50.00"), ("itbms", "40.00"), ("ITBMS15", "10.00")]
    add_invoice("160.00", "8.50", *lines, code="F1", customer_id="7", status="Posted")

    invoice = ("1", "7", "F1", "Buyer", "8-1-1 DV 5", "Posted", "USD", False, False)
    rates = ("50.00", "0.00", "100.00", "7.00", "0.00", "0.00", "10.00", "1.50", "0.00", "0.00")
    totals = ("160.00", "8.50", "168.50")
    assert wide_book("*") == [(*invoice, "2026-01-31", "2026-01-01", *rates, *totals)]


def test_wide_other(insert: Action, add_invoice: Action, wide_book: Query) -> None:
    """What has another rate, an unknown code or none is in the last columns, so that no amount is
    lost; a void invoice has 0, and tax that was charged on exempt lines stays beside them."""
    insert("tax_rates", tax_code="LUJO", rate="0.25", valid_from="2020-01-01")
    add_invoice("70.00", "9.00", ("LUJO", "20.00"), ("NEW", "30.00"), (None, "10.00"))
    add_invoice("100.00", "7.00", ("ITBMS7", "100.00"), status="Void")
    add_invoice("-50.00", "-3.50", ("EXENTO", "-20.00"), ("EXEMPT", "-30.00"))
    add_invoice("10.00", "1.00", ("ITBMS10", "10.00"), status="Draft")

    none = ("0.00",) * 10
    assert wide_book(f"invoice_id, is_void, {WIDE}, total") == [
        ("1", False, *none[:8], "70.00", "9.00", "79.00"),
        ("2", True, *none, "0.00"),
        ("3", False, "-50.00", "-3.50", *none[:8], "-53.50"),
    ]


def test_wide_overflow(add_invoice: Action, wide_book: Query) -> None:
    """A sum that is unknown or overflows is null, and only that one."""
    add_invoice(HUGE, "0.00", ("NEW", HUGE), ("NEW", HUGE), ("EXENTO", f"-{HUGE}"))
    add_invoice(HUGE, HUGE, ("ITBMS7", HUGE))

    assert wide_book("base_0, base_7, tax_7, base_other, tax_other, net, tax, total") == [
        (f"-{HUGE}", "0.00", "0.00", None, "0.00", None, "0.00", None),
        ("0.00", HUGE, HUGE, "0.00", "0.00", HUGE, HUGE, None),
    ]
