"""ITBMS withheld by customers when they paid, and what has no certificate yet."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[..., list[tuple[Any, ...]]]

BEGAN, MARCH, APRIL, MAY = "2026-01-01", "2026-03-10", "2026-04-10", "2026-05-10"
HUGE = "9999999999999999.99"


@pytest.fixture
def add_version(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds a version of an invoice of customer C7, of 100.00 and 7.00 tax:
    what is paid of it, from one day to another. C7 withholds half; history began in January."""
    set_as_of("2026-06-30", history_since=BEGAN)
    insert("customers", id="7", code="C7", name="Buyer", tax_id="8-1", email="b@example.com")
    insert("withholding_customers", customer_code="c7 ", share="0.5")

    def add_version(
        number: str, paid: str | None, since: str, until: str | None = None, **fields: Any
    ) -> None:
        row: dict[str, Any] = {
            "id": number,
            "customer_id": "7",
            "document_date": "2026-02-01",
            "total": "107.00",
        }
        row |= {"subtotal": "100.00", "tax_total": "7.00", "amount_paid": paid}
        insert("invoices", **{**row, **fields}, _dlt_valid_from=since, _dlt_valid_to=until)

    return add_version


@pytest.fixture
def withheld(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and month."""

    def withheld(columns: str = "month_on, documents, expected_withholding") -> list[Any]:
        return query_text(
            f"select {columns} from reporting.withholding_expected"
            " order by month_on, customer_id, currency"
        )

    return withheld


@pytest.fixture
def missing(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and month without certificate."""

    def missing(columns: str = "month_on, expected_withholding, certified, missing") -> list[Any]:
        return query_text(
            f"select {columns} from reporting.withholding_missing"
            " order by month_on, customer_id, currency"
        )

    return missing


def test_nothing_listed(insert: Action, query: Query) -> None:
    """Without customers that withhold and certificates both reports are empty."""
    insert("invoices", id="1", customer_id="7", total="107", tax_total="7", amount_paid="107")

    assert query("select * from reporting.withholding_expected") == []
    assert query("select * from reporting.withholding_missing") == []


def test_month_of_payment(add_version: Action, withheld: Query) -> None:
    """Half of the tax is withheld in the month in which the payment was seen, not that of the
    invoice, in the tenant's time zone."""
    add_version("1", "0", BEGAN, "2026-04-01 04:59:00Z")
    add_version("1", "103.50", "2026-04-01 04:59:00Z")

    assert withheld(
        "customer_code, customer_name, tax_id, month_on, documents, expected_withholding"
    ) == [("C7", "Buyer", "8-1", "2026-03-01", 1, "3.50")]


def test_parts(add_version: Action, withheld: Query) -> None:
    """Payments in parts withhold in proportion, and together the whole; what is paid beyond the
    total less the tax withheld changes nothing."""
    add_version("1", "0", BEGAN, MARCH)
    add_version("1", "34.50", MARCH, APRIL)
    add_version("1", "103.50", APRIL, MAY)
    add_version("1", "107.00", MAY)

    assert withheld() == [("2026-03-01", 1, "1.17"), ("2026-04-01", 1, "2.33")]


def test_first_copy(add_version: Action, withheld: Query) -> None:
    """When something was paid before the first copy is not known; what an invoice had paid when it
    was first seen later was paid then."""
    add_version("1", "103.50", BEGAN)
    add_version("2", "34.50", BEGAN, MARCH)
    add_version("2", "103.50", MARCH)
    add_version("3", "103.50", APRIL)

    assert withheld() == [("2026-03-01", 1, "2.33"), ("2026-04-01", 1, "3.50")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "Void"}, []),
        ({"status": "Draft"}, []),
        ({"until": MAY}, []),  # deleted
        ({"customer_id": "8"}, []),
        ({"customer_id": None}, []),
        ({"tax_total": "0"}, []),
        ({"status": "Paid", "balance": "0", "paid": None}, [("2026-04-01", 1, "3.50")]),
        ({"balance": "3.50", "paid": None}, [("2026-04-01", 1, "3.50")]),
        ({"subtotal": "-100", "tax_total": "-7", "total": "-107", "paid": "-107"},
         [("2026-04-01", 1, "-3.50")]),
        ({"paid": "-5"}, []),
        ({"total": HUGE, "tax_total": HUGE, "paid": "1"}, [("2026-04-01", 1, "1.00")]),
        ({"total": HUGE, "tax_total": f"-{HUGE}", "paid": HUGE},
         [("2026-04-01", 1, "-3333333333333333.33")]),
    ],
)  # fmt: skip
def test_which_invoices(
    add_version: Action, withheld: Query, fields: dict[str, Any], expected: list[Any]
) -> None:
    """Invoices that are live now and whose payment was seen count, and credit notes with their
    sign; missing amounts are computed."""
    given = {"paid": "103.50", **fields}
    add_version("1", given.pop("paid"), APRIL, given.pop("until", None), **given)

    assert withheld() == expected


def test_taken_back(add_version: Action, withheld: Query) -> None:
    """A payment that is taken back takes the withholding back in its month."""
    add_version("1", "103.50", MARCH, APRIL)
    add_version("1", "0", APRIL)

    assert withheld() == [("2026-03-01", 1, "3.50"), ("2026-04-01", 1, "-3.50")]


def test_listed_for_a_time(con: Any, insert: Action, add_version: Action, withheld: Query) -> None:
    """A customer withholds from payments in the time for which it is listed, with the share of that
    day."""
    con.execute("delete from raw.withholding_customers")
    for since, until, share in (("2026-03-01", "2026-03-31", "0.5"), ("2026-05-01", None, "1")):
        listed = {"customer_code": "C7", "valid_from": since, "valid_to": until}
        insert("withholding_customers", **listed, share=share)
    for number, day in (("1", "2026-02-28"), ("2", MARCH), ("3", APRIL), ("4", MAY)):
        add_version(number, "0", BEGAN, day)
        add_version(number, "107.00", day)

    assert withheld() == [("2026-03-01", 1, "3.50"), ("2026-05-01", 1, "7.00")]


def test_currencies(add_version: Action, withheld: Query) -> None:
    """Each currency has its own row."""
    add_version("1", "107", APRIL, currency="EUR")
    add_version("2", "107", APRIL)

    assert withheld("currency, expected_withholding") == [("EUR", "3.50"), ("USD", "3.50")]


def test_box_52(add_version: Action, query_text: Query) -> None:
    """What was withheld is in the return of the month of payment, which may have no sales."""
    add_version("1", "107", APRIL)
    add_version("2", "107", APRIL)

    assert query_text(
        "select month_on, documents, base, tax from reporting.itbms_return"
        " where box = '52' and tax <> 0"
    ) == [("2026-04-01", 2, None, "7.00")]


def test_missing(insert: Action, add_version: Action, missing: Query, query: Query) -> None:
    """What is not certified is missing, in each month; a certificate of more than was expected is
    negative, one of months before history began or after the as-of day is not compared."""
    for number, day in (("1", MARCH), ("2", APRIL), ("3", MAY)):
        add_version(number, "107", day)
    for month, number, amount in (
        *[("2025-11", "A", "9"), ("2026-04", "B", "2"), ("2026-05", "C", "1")],
        *[("2026-05", "D", "2.5"), ("2026-06", "E", "0.25"), ("2026-07", "G", "4")],
    ):
        fields = {"month": f"{month}-01", "number": number, "amount": amount}
        insert("withholding_certificates", customer_code="c7", **fields)
    insert("withholding_certificates", customer_code="C8", month="2026-05-01", number="F", amount=1)

    assert missing() == [
        ("2026-03-01", "3.50", "0.00", "3.50"),
        ("2026-04-01", "3.50", "2.00", "1.50"),
        ("2026-06-01", "0.00", "0.25", "-0.25"),
    ]
    assert missing("customer_code, email, certificates")[0] == ("C7", "b@example.com", 0)
    assert query(
        "select entity_id, place from reporting.data_quality"
        " where rule = 'unknown customer in withholding_certificates.csv'"
    ) == [("C8", "F")]


def test_certificate_in_another_currency(
    insert: Action, add_version: Action, missing: Query
) -> None:
    """A certificate is compared in its own currency, which is the tenant's if it names none."""
    add_version("1", "107", APRIL, currency="EUR")
    row = {"customer_code": "C7", "month": "2026-04-01", "amount": "3.50"}
    insert("withholding_certificates", **row, number="A", currency="EUR")
    insert("withholding_certificates", **row, number="B")

    assert missing("currency, missing") == [("USD", "-3.50")]


def test_code_of_two_customers(insert: Action, add_version: Action, missing: Query) -> None:
    """A certificate of a code that two customers have counts once, for the one that is not
    deleted."""
    insert("customers", id="1", code="C7", _dlt_valid_to="2026-02-01")
    add_version("1", "107", APRIL)
    row = {"customer_code": "C7", "month": "2026-04-01", "number": "A", "amount": "1"}
    insert("withholding_certificates", **row)

    assert missing("customer_id, missing") == [("7", "2.50")]
