"""ITBMS that customers may withhold."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Return a function that adds an invoice of customer 7 with a day and a tax, and a balance of
    0."""
    numbers = iter(range(1, 1000))

    def add_invoice(day: str, tax: str | None, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "subtotal": "100.00", **fields}
        insert("invoices", **{"balance": "0.00", **row}, document_date=day, tax_total=tax)

    return add_invoice


@pytest.fixture
def list_customer(insert: Action) -> Action:
    """Return a function that lists customer C7 as withholding half, from one day to another."""
    insert("customers", id="7", code="C7", name="Buyer", tax_id="8-1")

    def list_customer(since: str | None = None, until: str | None = None, **fields: Any) -> None:
        row = {"customer_code": "C7", "share": "0.5", **fields}
        insert("withholding_customers", **row, valid_from=since, valid_to=until)

    return list_customer


@pytest.fixture
def months(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and month."""

    def months(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.itbms_withholding_candidates"
            " order by customer_id, month_on, currency"
        )

    return months


def test_no_sales(list_customer: Action, query: Query) -> None:
    """A listed customer without sales has no row."""
    list_customer()

    assert query("select * from reporting.itbms_withholding_candidates") == []


def test_listed(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """The expected withholding of a listed customer is its share of each invoice's tax, rounded to
    the cent for each; credit notes are subtracted."""
    list_customer()
    add_invoice("2026-01-01", "7.01")  # 3.505, rounded up
    add_invoice("2026-01-31", "7.00")
    add_invoice("2026-01-31", "-2.00", subtotal="-28.57")
    add_invoice("2026-02-01", "1.00")

    assert months("*") == [
        ("7", "C7", "Buyer", "8-1", "USD", True, "2026-01-01", 3, 0, "0.500000", "12.01", "6.01"),
        ("7", "C7", "Buyer", "8-1", "USD", True, "2026-02-01", 1, 0, "0.500000", "1.00", "0.50"),
    ]


def test_not_listed(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """A customer that is not listed has its tax, but no expected withholding; a month without tax
    is left out, unless the customer is listed."""
    list_customer(customer_code="OTHER")
    add_invoice("2026-01-01", "7.00")
    add_invoice("2026-02-01", "0.00")
    add_invoice("2026-03-01", "7.00")
    add_invoice("2026-03-01", "-7.00", subtotal="-100.00")

    assert months("month_on, is_listed, withholding_share, tax, expected_withholding") == [
        ("2026-01-01", False, None, "7.00", "0.00")
    ]


def test_listed_without_tax(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """A listed customer has a row, even without tax."""
    list_customer()
    add_invoice("2026-01-01", "0.00")

    assert months("is_listed, tax, expected_withholding") == [(True, "0.00", "0.00")]


def test_listed_for_a_time(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """Invoices before the first day and after the last are not expected to be withheld from; the
    share is that of the invoice's day, and the month shows the highest."""
    list_customer("2026-01-15", "2026-02-10")
    list_customer("2026-02-11", "2026-03-10", share="1")
    for day in ("01-14", "01-15", "02-10", "02-11", "03-10", "03-11", "04-01"):
        add_invoice(f"2026-{day}", "10.00")

    assert months("is_listed, documents, withholding_share, tax, expected_withholding") == [
        (True, 2, "0.500000", "20.00", "5.00"),
        (True, 2, "1.000000", "20.00", "15.00"),
        (True, 2, "1.000000", "20.00", "10.00"),
        (False, 1, None, "10.00", "0.00"),
    ]


@pytest.mark.parametrize(
    ("customer_code", "seed_code", "is_listed"),
    [
        ("C7", "c7", True),
        ("C7", " C7 ", True),
        ("Ñ-7", "ñ-7", True),
        ("C7", "C70", False),
        (None, "C7", False),
    ],
)
def test_codes(
    insert: Action,
    add_invoice: Action,
    months: Query,
    customer_code: str | None,
    seed_code: str,
    is_listed: bool,
) -> None:
    """A code is compared regardless of case; a customer without a code is never listed."""
    insert("customers", id="7", code=customer_code)
    insert("withholding_customers", customer_code=seed_code, share="0.5")
    add_invoice("2026-01-01", "7.00")

    assert months("is_listed") == [(is_listed,)]


def test_duplicate_code(
    insert: Action, list_customer: Action, add_invoice: Action, months: Query
) -> None:
    """If two customers have the same code, both are listed, and no invoice counts twice."""
    list_customer()
    insert("customers", id="8", code="c7")
    add_invoice("2026-01-01", "7.00")
    add_invoice("2026-01-01", "9.00", customer_id="8")

    assert months("customer_id, is_listed, documents, tax") == [
        ("7", True, 1, "7.00"),
        ("8", True, 1, "9.00"),
    ]


@pytest.mark.parametrize(
    ("tax", "balance", "short"),
    [
        ("7.00", "7.00", 1),
        ("7.00", "3.50", 1),
        ("7.00", "3.51", 0),
        ("7.00", "3.49", 0),
        ("7.00", "6.99", 0),
        ("7.00", "-7.00", 0),
        ("7.00", "0.00", 0),
        ("7.00", "107.00", 0),
        # half a cent may be rounded either way
        ("7.01", "3.50", 1),
        ("7.01", "3.51", 1),
        ("7.01", "3.49", 0),
        ("7.01", "3.52", 0),
        ("0.01", "0.01", 1),
        ("0.00", "0.00", 0),
        ("-7.00", "-7.00", 0),
        ("-7.00", "-3.50", 0),
    ],
)
def test_short_by_tax(
    add_invoice: Action, months: Query, tax: str, balance: str, short: int
) -> None:
    """An invoice that is paid except for its tax, or half of it, looks like one with
    withholding."""
    add_invoice("2026-01-01", tax, balance=balance)
    add_invoice("2026-01-01", "1.00")

    assert months("documents_short_by_tax") == [(short,)]


@pytest.mark.parametrize(
    "fields",
    [{"status": "Void"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}],
)
def test_not_live(add_invoice: Action, months: Query, fields: dict[str, Any]) -> None:
    """Void, draft and deleted invoices do not count."""
    add_invoice("2026-01-01", "7.00", balance="7.00", **fields)

    assert months("*") == []


def test_only_tax(add_invoice: Action, months: Query) -> None:
    """An unpaid invoice that consists only of tax is not short by its tax."""
    add_invoice("2026-01-01", "7.00", subtotal="0.00", balance="7.00")

    assert months("tax, documents_short_by_tax") == [("7.00", 0)]


def test_missing_amounts(add_invoice: Action, months: Query) -> None:
    """A missing tax is the total less the net, a missing balance the total less what is paid; an
    invoice without a status is live."""
    add_invoice("2026-01-01", None, total="107.00", amount_paid="100.00", balance=None, status=None)

    assert months("documents_short_by_tax, tax") == [(1, "7.00")]


def test_customers_and_currencies(add_invoice: Action, months: Query) -> None:
    """Counter sales have no customer, an unknown one has its id; each currency has its own rows."""
    add_invoice("2026-01-01", "1.00", customer_id=None)
    add_invoice("2026-01-01", "2.00", customer_id="8", currency="eur")
    add_invoice("2026-01-01", "4.00", customer_id="8")

    assert months("customer_name, currency, is_listed, tax") == [
        ("(unknown 8)", "EUR", False, "2.00"),
        ("(unknown 8)", "USD", False, "4.00"),
    ]


def test_extreme_years(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """A customer that is listed without days is always listed, in the years 202 and 9999 too."""
    list_customer()
    add_invoice("0202-02-02", "2.00")
    add_invoice("9999-12-31", "4.00")

    assert months("month_on, expected_withholding") == [
        ("0202-02-01", "1.00"),
        ("9999-12-01", "2.00"),
    ]


def test_overflow(list_customer: Action, add_invoice: Action, months: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    list_customer(share="1")
    add_invoice("2026-01-01", HUGE, total=HUGE, balance=HUGE)
    add_invoice("2026-01-01", HUGE, total=HUGE, balance="5000000000000000.00")

    assert months("documents, documents_short_by_tax, tax, expected_withholding") == [
        (2, 1, None, None)
    ]
