"""Sales by month, compared with last year."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def months(query_text: Query) -> Query:
    """Return a function that selects columns of each month, oldest first."""

    def months(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select month_on, {columns} from reporting.sales_by_month order by month_on, currency"
        )

    return months


def test_no_sales(query: Query) -> None:
    """A warehouse without documents has no months."""
    assert query("select * from reporting.sales_by_month") == []


def test_month(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """A month has its documents, customers and sums. A credit note is subtracted, and counts as a
    document, and its customer counts. A missing customer does not."""
    set_as_of("2026-03-15")
    add_invoice("2026-01-01", "100.00", tax_total="7.00", total="107.00", customer_id="1")
    add_invoice("2026-01-15", "50.01", tax_total="3.50", total="53.51", customer_id="1")
    add_invoice("2026-01-31", "-30.00", tax_total="-2.10", total="-32.10", customer_id="2")
    add_invoice("2026-01-31", "10.00", tax_total="0.00", total="10.00", customer_id=None)

    assert months("currency, documents, credit_notes, customers, net, tax, total, average_net") == [
        ("2026-01-01", "USD", 4, 1, 2, "130.01", "8.40", "138.41", "32.50")
    ]


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"status": "Posted"}, True),
        ({"status": "PAID"}, True),
        ({"status": "Whatever"}, True),
        ({"status": None}, True),
        ({"status": "Void"}, False),
        ({"status": "vOiD "}, False),
        ({"status": "DRAFT"}, False),
        ({"_dlt_valid_to": "2026-02-01"}, False),
    ],
)
def test_live(add_invoice: Action, months: Query, fields: dict[str, Any], counts: bool) -> None:
    """Void, draft and deleted invoices do not count; an unknown status does."""
    add_invoice("2026-01-01", "5.00", **fields)

    assert months("net") == ([("2026-01-01", "5.00")] if counts else [])


def test_versions(add_invoice: Action, months: Query) -> None:
    """A document counts once, in its current version, even if it was deleted and restored."""
    add_invoice("2026-01-01", "5.00", id="a", _dlt_valid_to="2026-01-05")
    add_invoice("2026-02-01", "6.00", id="a", _dlt_valid_from="2026-01-05")
    add_invoice("2026-02-01", "3.00", id="b", _dlt_valid_to="2026-01-05")
    add_invoice("2026-02-01", "4.00", id="b", _dlt_valid_from="2026-01-09")

    assert months("documents, net") == [("2026-02-01", 2, "10.00")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"net": None, "total": "107.00", "tax_total": "7.00"}, ("100.00", "7.00", "107.00")),
        ({"net": "100.00", "tax_total": "7.00"}, ("100.00", "7.00", "107.00")),
        ({"net": "100.00", "total": "107.00"}, ("100.00", "7.00", "107.00")),
        ({"net": None}, ("0.00", "0.00", "0.00")),
        (
            {"net": None, "lines": [{"quantity": 3, "price": "1.50"}, {"subtotal": "2"}]},
            ("6.50", "0.00", "6.50"),
        ),
    ],
)
def test_missing_amounts(
    add_invoice: Action, months: Query, fields: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """A header's missing net, tax or total is derived from its other amounts, or from its lines."""
    add_invoice("2026-01-01", **fields)

    assert months("net, tax, total") == [("2026-01-01", *expected)]


def test_no_day(add_invoice: Action, months: Query) -> None:
    """A document without a date belongs to the day of its posting; else of its creation, in Panama;
    else to the day it was first seen there."""
    add_invoice(None, "1.00", posting_date="2025-05-31", date_created="2025-07-01")
    add_invoice(None, "2.00", date_created="2025-07-01 04:59:59+00")
    add_invoice(None, "4.00", _dlt_valid_from="2026-01-01 05:00:00+00")

    assert months("net") == [
        ("2025-05-01", "1.00"),
        ("2025-06-01", "2.00"),
        ("2026-01-01", "4.00"),
    ]


def test_currencies(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """Dollars and euros are never added up or compared; a missing currency is the tenant's."""
    set_as_of("2026-06-30")
    add_invoice("2025-01-31", "10.00", currency="USD")
    add_invoice("2025-01-31", "99.00", currency="EUR")
    add_invoice("2026-01-31", "20.00", currency=" usd ")
    add_invoice("2026-01-31", "1.00", currency=None)
    add_invoice("2026-01-31", "33.00", currency="eur")

    assert months("currency, net, net_year_to_date, net_last_year") == [
        ("2025-01-01", "EUR", "99.00", "99.00", "0.00"),
        ("2025-01-01", "USD", "10.00", "10.00", "0.00"),
        ("2026-01-01", "EUR", "33.00", "33.00", "99.00"),
        ("2026-01-01", "USD", "21.00", "21.00", "10.00"),
    ]


def test_year_to_date(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """The year starts again in January and continues over months without sales."""
    set_as_of("2026-06-30")
    add_invoice("2025-12-31", "1.00")
    add_invoice("2026-01-01", "2.00")
    add_invoice("2026-04-30", "-4.00")
    add_invoice("2026-05-01", "8.00")

    assert months("net_year_to_date") == [
        ("2025-12-01", "1.00"),
        ("2026-01-01", "2.00"),
        ("2026-04-01", "-2.00"),
        ("2026-05-01", "6.00"),
    ]


def test_last_year(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """A month that is over is compared with the whole of the same month of last year."""
    set_as_of("2026-06-30")
    add_invoice("2025-04-30", "40.00")
    add_invoice("2025-05-31", "30.00")
    add_invoice("2026-04-01", "50.00")
    add_invoice("2026-05-01", "20.00")
    add_invoice("2026-06-01", "10.00")

    assert months("net_last_year, growth")[2:] == [
        ("2026-04-01", "40.00", "0.250000"),
        ("2026-05-01", "30.00", "-0.333333"),
        ("2026-06-01", "0.00", None),
    ]


@pytest.mark.parametrize(
    ("as_of_on", "last_year"),
    [
        ("2026-06-01", "1.00"),
        ("2026-06-15", "3.00"),
        ("2026-06-29", "7.00"),
        ("2026-06-30", "15.00"),
        ("2026-07-01", "15.00"),
        ("2026-05-31", "15.00"),  # a future month is compared as a whole
    ],
)
def test_current_month(
    add_invoice: Action, set_as_of: Action, months: Query, as_of_on: str, last_year: str
) -> None:
    """The current month is compared with the same days of last year's."""
    set_as_of(as_of_on)
    add_invoice("2025-06-01", "1.00")
    add_invoice("2025-06-15", "2.00")
    add_invoice("2025-06-16", "4.00")
    add_invoice("2025-06-30", "8.00")
    add_invoice("2026-06-01", "30.00")

    assert months("net_last_year")[-1] == ("2026-06-01", last_year)


@pytest.mark.parametrize(
    ("as_of_on", "sold_on", "last_year"),
    [
        # the 29th does not exist in the last year
        ("2024-02-28", "2024-02-01", "3.00"),
        ("2024-02-29", "2024-02-29", "3.00"),
        ("2024-03-01", "2024-02-29", "3.00"),
        # and a day less than last year: the whole month, as soon as it is over
        ("2025-02-27", "2025-02-01", "4.00"),
        ("2025-02-28", "2025-02-28", "28.00"),
        ("2025-03-01", "2025-02-28", "28.00"),
    ],
)
def test_leap_days(
    add_invoice: Action,
    set_as_of: Action,
    months: Query,
    as_of_on: str,
    sold_on: str,
    last_year: str,
) -> None:
    """A February is compared with a February, even if it is a day longer."""
    set_as_of(as_of_on)
    add_invoice("2023-02-01", "1.00")
    add_invoice("2023-02-28", "2.00")
    add_invoice("2024-02-27", "4.00")
    add_invoice("2024-02-28", "8.00")
    add_invoice("2024-02-29", "16.00")
    add_invoice(sold_on, "100.00")

    rows = months("net_last_year")

    assert (f"{sold_on[:7]}-01", last_year) in rows


def test_no_growth(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """Growth is null if last year's sales were not positive, or if it overflows its column."""
    set_as_of("2026-12-31")
    add_invoice("2025-01-01", "-5.00")
    add_invoice("2026-01-01", "5.00")
    add_invoice("2025-02-01", "5.00")
    add_invoice("2025-02-01", "-5.00")
    add_invoice("2026-02-01", "5.00")
    add_invoice("2025-03-01", "0.01")
    add_invoice("2026-03-01", "1000000.00")
    add_invoice("2025-04-01", "5.00")
    add_invoice("2026-04-01", "-5.00")

    assert months("net_last_year, growth")[4:] == [
        ("2026-01-01", "-5.00", None),
        ("2026-02-01", "0.00", None),
        ("2026-03-01", "0.01", None),
        ("2026-04-01", "5.00", "-2.000000"),
    ]


def test_mistyped_years(add_invoice: Action, set_as_of: Action, months: Query) -> None:
    """Documents of the years 202 and 9999 are in months of their own and are not lost."""
    set_as_of("2026-06-30")
    add_invoice("0202-02-02", "1.00")
    add_invoice("9999-12-31", "2.00")

    assert months("net_year_to_date, net_last_year") == [
        ("0202-02-01", "1.00", "0.00"),
        ("9999-12-01", "2.00", "0.00"),
    ]


def test_overflow(add_invoice: Action, months: Query) -> None:
    """A sum that overflows its column is null and breaks nothing."""
    add_invoice("2026-01-01", HUGE)
    add_invoice("2026-01-01", HUGE)

    assert months("documents, net") == [("2026-01-01", 2, None)]
