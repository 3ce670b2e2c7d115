"""Month ends since the start of history."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

MONTHS = (
    "select month_on::varchar, month_end_on::varchar, measured_on::varchar, is_month_over"
    " from core.month_ends order by month_on"
)
INSTANTS = "select measured_at::varchar from core.month_ends order by month_on"


def test_no_history(query: Query) -> None:
    """A warehouse that was never synced has no month."""
    assert query("select * from core.month_ends") == []


def test_months(set_as_of: Action, query: Query) -> None:
    """A history that starts in mid-month includes the end of that month and of each later one, in
    leap years too; the current month has its latest day."""
    set_as_of("2028-03-15", history_since="2027-12-20 12:00:00-05")

    assert query(MONTHS) == [
        ("2027-12-01", "2027-12-31", "2027-12-31", True),
        ("2028-01-01", "2028-01-31", "2028-01-31", True),
        ("2028-02-01", "2028-02-29", "2028-02-29", True),
        ("2028-03-01", "2028-03-31", "2028-03-15", False),
    ]


def test_timestamps(set_as_of: Action, query: Query) -> None:
    """A month that is over is measured at its last moment in Panama, the current one at the as-of
    timestamp."""
    set_as_of("2026-02-10", history_since="2026-01-01 12:00:00-05")

    assert query(INSTANTS) == [("2026-02-01 04:59:59.999999+00",), ("2026-02-10 17:00:00+00",)]


@pytest.mark.parametrize(
    ("since", "first"),
    [("2026-02-01 04:59:59.9+00", "2026-01-01"), ("2026-02-01 05:00:00+00", "2026-02-01")],
)
def test_start_at_midnight(set_as_of: Action, query: Query, since: str, first: str) -> None:
    """The first month is that of the day in Panama on which history starts."""
    set_as_of("2026-02-28", history_since=since)

    assert query(MONTHS)[0][0] == first


def test_history_of_one_day(set_as_of: Action, query: Query) -> None:
    """On the day of the first sync there is one month, and it is not over."""
    set_as_of("2026-02-01", history_since="2026-02-01 08:00:00-05")

    assert query(MONTHS) == [("2026-02-01", "2026-02-28", "2026-02-01", False)]


@pytest.mark.parametrize(
    ("at", "is_over"),
    [("2026-01-31 12:00:00-05", False), ("2026-01-31 23:59:59.999999-05", True)],
)
def test_last_day(set_as_of: Action, query: Query, at: str, is_over: bool) -> None:
    """A month is not over at noon of its last day, but is at the end of that day."""
    set_as_of("2026-01-31", as_of_at=at, history_since="2026-01-10")

    assert query(MONTHS) == [("2026-01-01", "2026-01-31", "2026-01-31", is_over)]


def test_another_timezone(set_as_of: Action, query: Query) -> None:
    """Months end with the tenant's day, during daylight saving time too."""
    set_as_of("2026-08-02", history_since="2026-07-10", timezone="Europe/Madrid")

    assert query(INSTANTS)[0] == ("2026-07-31 21:59:59.999999+00",)


def test_month_of_which_midnight_occurs_twice(set_as_of: Action, query: Query) -> None:
    """The clocks of Havana go back from 01:00 to midnight on 1 November: October ended before."""
    set_as_of("2026-11-02", history_since="2026-10-10", timezone="America/Havana")

    assert query(INSTANTS)[0] == ("2026-11-01 03:59:59.999999+00",)
