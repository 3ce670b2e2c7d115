"""Calendar of days, business days and holidays."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

SPAN = "select min(day_on), max(day_on), count(*) from core.dim_date"


def test_span(insert: Action, set_as_of: Action, query: Query) -> None:
    """The calendar extends from the first document to a year after the as-of day, without gaps."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="2025-12-31", due_date="2026-01-30")

    assert query(SPAN) == [(date(2025, 12, 31), date(2027, 6, 30), 547)]


@pytest.mark.parametrize("table", ["invoices", "sales_orders", "purchase_orders"])
def test_every_kind_of_document(
    insert: Action, set_as_of: Action, query: Query, table: str
) -> None:
    """The first document may be of any kind."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="2026-05-01")
    insert(table, id="2", document_date="2026-04-01")

    assert query("select min(day_on) from core.dim_date") == [(date(2026, 4, 1),)]


def test_mistyped_years(insert: Action, set_as_of: Action, query: Query) -> None:
    """Documents of the years 202 and 9999 do not extend the calendar before 1990 or beyond five
    years after the as-of day."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="0202-02-02")
    insert("invoices", id="2", document_date="9999-12-31")

    assert query(SPAN) == [(date(1990, 1, 1), date(2031, 6, 30), 15156)]


def test_only_future_documents(insert: Action, set_as_of: Action, query: Query) -> None:
    """If all documents are in the future, the calendar begins on the as-of day."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="9999-12-31")

    assert query(SPAN) == [(date(2026, 6, 30), date(2031, 6, 30), 1827)]


def test_from_a_leap_day(insert: Action, set_as_of: Action, query: Query) -> None:
    """A year after 29 February is 28 February."""
    set_as_of("2024-02-29")
    insert("invoices", id="1", document_date="2024-02-28")

    assert query(SPAN) == [(date(2024, 2, 28), date(2025, 2, 28), 367)]


def test_no_documents(set_as_of: Action, query: Query) -> None:
    """Without documents the calendar is empty."""
    set_as_of("2026-06-30")

    assert query("select * from core.dim_date") == []


def test_day(insert: Action, set_as_of: Action, query: Query) -> None:
    """A day has its week, month, quarter and year, and the due day of the month's ITBMS."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="2023-12-01")

    assert query(
        "select week_on, month_on, quarter_on, month_end_on, itbms_due_on, year_number,"
        " quarter_number, month_number, iso_year_number, iso_week_number, weekday_number,"
        " weekday_name, is_month_end from core.dim_date"
        " where day_on in ('2023-12-31', '2024-02-29') order by day_on"
    ) == [
        (
            *(date(2023, 12, 25), date(2023, 12, 1), date(2023, 10, 1), date(2023, 12, 31)),
            *(date(2024, 1, 15), 2023, 4, 12, 2023, 52, 7, "Sunday", True),
        ),
        (
            *(date(2024, 2, 26), date(2024, 2, 1), date(2024, 1, 1), date(2024, 2, 29)),
            *(date(2024, 3, 15), 2024, 1, 2, 2024, 9, 4, "Thursday", True),
        ),
    ]


def test_week_of_another_year(insert: Action, set_as_of: Action, query: Query) -> None:
    """1 January 2027, a Friday, is in the last ISO week of 2026."""
    set_as_of("2026-12-30")
    insert("invoices", id="1", document_date="2026-12-30")

    assert query(
        "select iso_year_number, iso_week_number, year_number from core.dim_date"
        " where day_on = '2027-01-01'"
    ) == [(2026, 53, 2027)]


@pytest.mark.parametrize(
    ("day", "holiday"),
    [
        ("2026-01-01", "Año Nuevo"),
        ("2026-02-17", "Martes de Carnaval"),  # Easter of 2026 is 5 April
        ("2026-04-03", "Viernes Santo"),
        ("2024-02-13", "Martes de Carnaval"),  # Easter of 2024 is 31 March
        ("2025-04-18", "Viernes Santo"),  # Easter of 2025 is 20 April
        ("2026-12-20", "Día de duelo nacional"),  # falls on a Sunday
        ("2026-12-21", "Día de duelo nacional"),  # the Monday after it
        ("2021-12-20", None),  # before the law of 2022
        ("2024-07-01", "Toma de posesión presidencial"),
        ("2025-07-01", None),
        ("2026-06-30", None),
    ],
)
def test_holidays(
    insert: Action, set_as_of: Action, query: Query, day: str, holiday: str | None
) -> None:
    """Fixed holidays, holidays relative to Easter and the Monday after a Sunday are holidays."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="2020-01-01")

    rows = query(
        "select holiday, is_business_day, weekday_number <= 5 from core.dim_date"
        f" where day_on = '{day}'"
    )

    weekday = date.fromisoformat(day).isoweekday() <= 5
    assert rows == [(holiday, weekday and holiday is None, weekday)]


def test_next_business_day(insert: Action, set_as_of: Action, query: Query) -> None:
    """A business day is its own; before a weekend or holidays it is the next one, also if that is
    after the last day of the calendar."""
    set_as_of("2025-12-20")
    insert("invoices", id="1", document_date="2026-02-13")

    actual = query(
        "select strftime(day_on, '%m-%d'), strftime(next_business_on, '%m-%d') from core.dim_date"
        " where day_on in ('2026-02-13', '2026-02-14', '2026-02-17', '2026-12-19', '2026-12-20')"
        " order by day_on"
    )

    assert actual == [
        *(("02-13", "02-13"), ("02-14", "02-16"), ("02-17", "02-18")),  # a Saturday, Carnival
        *(("12-19", "12-22"), ("12-20", "12-22")),  # the mourning day is a Sunday: Monday is free
    ]


def test_business_days(insert: Action, set_as_of: Action, query: Query) -> None:
    """November 2026 has 21 weekdays; the 3rd, 5th and 10th are holidays, the 28th is a Saturday."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", document_date="2026-06-30")

    assert query(
        "select count(*) filter (where is_business_day), count(*) from core.dim_date"
        " where month_on = '2026-11-01'"
    ) == [(18, 30)]


def test_two_holidays_on_one_day(insert: Action, set_as_of: Action, query: Query) -> None:
    """A day with two holidays is listed once."""
    set_as_of("2026-06-30")
    insert("holidays", holiday="A feast", month=12, day=25)
    insert("holidays", holiday="No such day", month=2, day=30)
    insert("invoices", id="1", document_date="2026-12-25")

    assert query(
        "select count(*), min(holiday) from core.dim_date where day_on = '2026-12-25'"
    ) == [(1, "A feast")]
