"""ITBMS that customers may withhold."""

from collections.abc import Callable
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def billed(give: Give) -> Give:
    """Give an invoice of customer 7, of a day, with a tax; its balance is 0."""
    numbers = iter(range(1, 1000))

    def billed(day: str, tax: str | None, **told: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "subtotal": "100.00", **told}
        give("invoices", **{"balance": "0.00", **row}, document_date=day, tax_total=tax)

    return billed


@pytest.fixture
def listed(give: Give) -> Give:
    """List customer C7 among those who withhold half, from a day to another."""
    give("customers", id="7", code="C7", name="Buyer", tax_id="8-1")

    def listed(since: str | None = None, until: str | None = None, **told: Any) -> None:
        row = {"customer_code": "C7", "share": "0.5", **told}
        give("withholding_customers", **row, valid_from=since, valid_to=until)

    return listed


@pytest.fixture
def months(tell: Ask) -> Ask:
    """Ask for columns of each customer and month."""

    def months(columns: str) -> list[tuple[Any, ...]]:
        return tell(
            f"select {columns} from reporting.itbms_withholding_candidates"
            " order by customer_id, month_on, currency"
        )

    return months


def test_nothing(listed: Give, ask: Ask) -> None:
    """Who is listed and bought nothing has no row."""
    listed()

    assert ask("select * from reporting.itbms_withholding_candidates") == []


def test_listed(listed: Give, billed: Give, months: Ask) -> None:
    """Of who is listed its share of each invoice's tax is expected, to the cent of each; credit
    notes are subtracted."""
    listed()
    billed("2026-01-01", "7.01")  # 3.505, rounded up
    billed("2026-01-31", "7.00")
    billed("2026-01-31", "-2.00", subtotal="-28.57")
    billed("2026-02-01", "1.00")

    assert months("*") == [
        ("7", "C7", "Buyer", "8-1", "USD", True, "2026-01-01", 3, 0, "0.500000", "12.01", "6.01"),
        ("7", "C7", "Buyer", "8-1", "USD", True, "2026-02-01", 1, 0, "0.500000", "1.00", "0.50"),
    ]


def test_not_listed(listed: Give, billed: Give, months: Ask) -> None:
    """Who is not listed was charged tax, and withholds nothing as far as is known; a month without
    tax is left out, unless the customer is listed."""
    listed(customer_code="OTHER")
    billed("2026-01-01", "7.00")
    billed("2026-02-01", "0.00")
    billed("2026-03-01", "7.00")
    billed("2026-03-01", "-7.00", subtotal="-100.00")

    assert months("month_on, is_listed, withholding_share, tax, expected_withholding") == [
        ("2026-01-01", False, None, "7.00", "0.00")
    ]


def test_listed_without_tax(listed: Give, billed: Give, months: Ask) -> None:
    """Who is listed has a row, be there no tax to withhold."""
    listed()
    billed("2026-01-01", "0.00")

    assert months("is_listed, tax, expected_withholding") == [(True, "0.00", "0.00")]


def test_listed_for_a_time(listed: Give, billed: Give, months: Ask) -> None:
    """Invoices before the first day and after the last are not withheld from; a share that changes
    is that of the invoice's day, and the month tells the higher."""
    listed("2026-01-15", "2026-02-10")
    listed("2026-02-11", "2026-03-10", share="1")
    for day in ("01-14", "01-15", "02-10", "02-11", "03-10", "03-11", "04-01"):
        billed(f"2026-{day}", "10.00")

    assert months("is_listed, documents, withholding_share, tax, expected_withholding") == [
        (True, 2, "0.500000", "20.00", "5.00"),
        (True, 2, "1.000000", "20.00", "15.00"),
        (True, 2, "1.000000", "20.00", "10.00"),
        (False, 1, None, "10.00", "0.00"),
    ]


@pytest.mark.parametrize(
    ("told", "given", "is_listed"),
    [
        ("C7", "c7", True),
        ("C7", " C7 ", True),
        ("Ñ-7", "ñ-7", True),
        ("C7", "C70", False),
        (None, "C7", False),
    ],
)
def test_codes(
    give: Give, billed: Give, months: Ask, told: str | None, given: str, is_listed: bool
) -> None:
    """A code is compared regardless of case; a customer without a code is never listed."""
    give("customers", id="7", code=told)
    give("withholding_customers", customer_code=given, share="0.5")
    billed("2026-01-01", "7.00")

    assert months("is_listed") == [(is_listed,)]


def test_two_customers_of_one_code(give: Give, listed: Give, billed: Give, months: Ask) -> None:
    """If two customers have the same code, both are listed, and no invoice counts twice."""
    listed()
    give("customers", id="8", code="c7")
    billed("2026-01-01", "7.00")
    billed("2026-01-01", "9.00", customer_id="8")

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
        # half a cent goes to one side or to the other
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
def test_short_by_tax(billed: Give, months: Ask, tax: str, balance: str, short: int) -> None:
    """One that is paid but for its tax, or half of it, looks like one withheld."""
    billed("2026-01-01", tax, balance=balance)
    billed("2026-01-01", "1.00")

    assert months("documents_short_by_tax") == [(short,)]


@pytest.mark.parametrize(
    "told",
    [{"status": "Void"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}],
)
def test_not_live(billed: Give, months: Ask, told: dict[str, Any]) -> None:
    """Of void ones, drafts and what is gone nothing is withheld."""
    billed("2026-01-01", "7.00", balance="7.00", **told)

    assert months("*") == []


def test_tax_alone(billed: Give, months: Ask) -> None:
    """An invoice of nothing but tax, of which nothing is paid, is not short by its tax."""
    billed("2026-01-01", "7.00", subtotal="0.00", balance="7.00")

    assert months("tax, documents_short_by_tax") == [("7.00", 0)]


def test_what_is_missing(billed: Give, months: Ask) -> None:
    """A missing tax is the total less the net, a missing balance what is not paid; a missing status
    is live."""
    billed("2026-01-01", None, total="107.00", amount_paid="100.00", balance=None, status=None)

    assert months("documents_short_by_tax, tax") == [(1, "7.00")]


def test_nobody_unknown_ones_and_currencies(billed: Give, months: Ask) -> None:
    """Counter sales are no customer's; an unknown one has its id; each currency has its rows."""
    billed("2026-01-01", "1.00", customer_id=None)
    billed("2026-01-01", "2.00", customer_id="8", currency="eur")
    billed("2026-01-01", "4.00", customer_id="8")

    assert months("customer_name, currency, is_listed, tax") == [
        ("(unknown 8)", "EUR", False, "2.00"),
        ("(unknown 8)", "USD", False, "4.00"),
    ]


def test_days_at_the_edge(listed: Give, billed: Give, months: Ask) -> None:
    """Who is listed without days is listed for ever, in the years 202 and 9999 too."""
    listed()
    billed("0202-02-02", "2.00")
    billed("9999-12-31", "4.00")

    assert months("month_on, expected_withholding") == [
        ("0202-02-01", "1.00"),
        ("9999-12-01", "2.00"),
    ]


def test_absurd_amounts(listed: Give, billed: Give, months: Ask) -> None:
    """A sum that no column holds is empty, and stops nothing."""
    listed(share="1")
    billed("2026-01-01", HUGE, total=HUGE, balance=HUGE)
    billed("2026-01-01", HUGE, total=HUGE, balance="5000000000000000.00")

    assert months("documents, documents_short_by_tax, tax, expected_withholding") == [
        (2, 1, None, None)
    ]
