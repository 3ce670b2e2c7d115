"""Periods of lists by date."""

from datetime import date

import duckdb
import pytest

from p4books.errors import UsageError
from p4books.publish.language import Language
from p4books.publish.period import DEFAULT_PERIOD, Period, parse_month, select_newest_first
from p4books.publish.query import CatalogColumn

NOVEMBER = parse_month("2026-11")
AS_OF = date(2026, 11, 28)
DAYS = CatalogColumn("document_on", "DATE", "")
MONTHS = CatalogColumn("month_end_on", "DATE", "")
INSTANTS = CatalogColumn("seen_at", "TIMESTAMP WITH TIME ZONE", "")


def choose(period: Period, column: CatalogColumn, *values: str) -> list[str | None]:
    """Return which values of a column are in a period; an empty one is null."""
    resolved = period.resolve(AS_OF, "America/Panama")
    assert resolved
    given = ", ".join(f"(nullif('{value}', ''))" for value in values)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        rows = con.execute(
            f"select word from (select word, word::{column.type} as {column.name}"
            f" from (values {given}) as given (word)) where {resolved.select(column)}"
        ).fetchall()
    return [word for (word,) in rows]


def test_month() -> None:
    """A month has its first and its last day, and no row without a day."""
    days = ("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01", "")

    assert choose(NOVEMBER, DAYS, *days) == ["2026-11-01", "2026-11-30"]


def test_instants() -> None:
    """An instant is of the day that it is for the tenant."""
    instants = ("2026-11-01T04:59:59Z", "2026-11-01T05:00:00Z", "2026-12-01T04:59:59Z")

    assert choose(NOVEMBER, INSTANTS, *instants) == list(instants[1:])


def test_months_are_whole() -> None:
    """A month is in the period if one of its days is."""
    period = Period(date(2026, 10, 31), date(2026, 11, 1))
    ends = ("2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31")

    assert choose(period, MONTHS, *ends) == ["2026-10-31", "2026-11-30"]


def test_last_months() -> None:
    """The last months end with that of the as-of day."""
    days = ("2026-09-30", "2026-10-01", "2026-11-30", "2026-12-01", "")

    assert choose(Period(months=2), DAYS, *days) == ["2026-10-01", "2026-11-30"]
    assert choose(Period(months=1200), DAYS, "1926-12-01", "1926-11-30") == ["1926-12-01"]


def test_default() -> None:
    """Unless a period is chosen, days to come and rows without a day are not left out."""
    days = ("2024-11-30", "2024-12-01", "2027-01-01", "")

    assert choose(DEFAULT_PERIOD, DAYS, *days) == ["2024-12-01", "2027-01-01", None]


def test_nothing_copied_yet() -> None:
    """Without a day of the figures there are no last months, and no rows either."""
    assert DEFAULT_PERIOD.resolve(None, "UTC") is None


PERIODS = {
    "month": (NOVEMBER, "2026-11", "nov 2026"),
    "days": (
        Period(date(2026, 11, 2), date(2026, 11, 30)),
        "from-2026-11-02-to-2026-11-30",
        "02/11/2026 a 30/11/2026",
    ),
    "from": (Period(first=date(2026, 11, 2)), "from-2026-11-02", "desde el 02/11/2026"),
    "to": (Period(last=date(2026, 11, 2)), "to-2026-11-02", "hasta el 02/11/2026"),
    "last": (Period(months=2), "last-2", "01/10/2026 a 30/11/2026"),
    "default": (DEFAULT_PERIOD, "", "desde el 01/12/2024"),
}


@pytest.mark.parametrize("name", PERIODS)
def test_words(name: str) -> None:
    """A chosen period is in the name of the file, and described in words."""
    period, label, words = PERIODS[name]
    resolved = period.resolve(AS_OF, "UTC")

    assert resolved
    assert (period.label, resolved.describe(Language("es"))) == (label, words)


@pytest.mark.parametrize("word", ["2026-13", "2026-1", "11/2026", "", "0000-01", "2026-11-01"])
def test_bad_month(word: str) -> None:
    """What is no month is an error, which says how to write one."""
    with pytest.raises(UsageError, match="is not a valid month; write it as 2026-11"):
        parse_month(word)


def test_newest_first() -> None:
    """A list begins with the newest month; if it does so already, nothing changes."""
    assert select_newest_first(DAYS, "document_on desc, n", "UTC") == "document_on desc, n"
    assert select_newest_first(DAYS, "document_on, n", "UTC") == (
        "date_trunc('month', \"document_on\") desc nulls last, document_on, n"
    )
