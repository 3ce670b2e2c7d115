"""Which backups the rules keep."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from p4books.backup.keep import SKEW, choose_kept, find_newest
from p4books.settings import KeepRules, Settings

PANAMA = ZoneInfo("America/Panama")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DEFAULT = KeepRules()

instants = st.sets(
    st.datetimes(datetime(2019, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds of hypothesis have no zone
    max_size=60,
)
rules = st.builds(KeepRules, st.integers(1, 5), *[st.integers(0, 8)] * 3)


def keep(given: set[datetime], rules: KeepRules = DEFAULT) -> list[datetime]:
    return sorted(choose_kept(given, rules, PANAMA, NOW))


def test_years_of_backups() -> None:
    """Of a backup each hour of six years: 3 newest, 7 days, 4 weeks, the ends of 60 months."""
    hourly = {NOW - timedelta(hours=hours) for hours in range(6 * 365 * 24)}

    kept = [instant.astimezone(PANAMA) for instant in keep(hourly)]

    newest, days = kept[-3:], [instant for instant in kept[:-3] if instant.hour == 23]
    assert newest == [instant.astimezone(PANAMA) for instant in sorted(hourly)[-3:]]
    assert days == kept[:-3]  # the last one of a day in Panama, not in UTC
    months = [day.date() for day in days if (day + timedelta(days=1)).day == 1]
    assert len(months) == 59  # and this month, whose last one is the newest
    assert str(months[0]) == "2021-12-31"
    assert [str(day.date()) for day in days if day.date() not in months] == [
        *("2026-11-08", "2026-11-15", "2026-11-22"),
        *("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"),
    ]


@given(instants, rules)
def test_limits(given: set[datetime], rules: KeepRules) -> None:
    """The newest stays, no more stay than the rules say, and another look deletes nothing more."""
    past = {instant for instant in given if instant <= NOW + SKEW}
    kept = set(keep(given, rules))

    assert kept <= given
    assert given - past <= kept
    assert set(sorted(past)[-rules.newest :]) <= kept
    assert len(kept & past) <= rules.newest + rules.daily + rules.weekly + rules.monthly
    assert choose_kept(kept, rules, PANAMA, NOW) == kept


@given(instants, rules)
def test_one_after_the_other(given: set[datetime], rules: KeepRules) -> None:
    """Who deletes after each backup has the same days and months as who deletes once."""
    held: set[datetime] = set()
    for instant in sorted(instant for instant in given if instant <= NOW):
        held = choose_kept({*held, instant}, rules, PANAMA, NOW)

    assert held == choose_kept({each for each in given if each <= NOW}, rules, PANAMA, NOW)


@pytest.mark.parametrize("year", [1970, 2020, 2060])
def test_wrong_clock(year: int) -> None:
    """A clock of another year deletes no more than the right one would."""
    daily = {NOW - timedelta(days=days) for days in range(400)}
    right = choose_kept(daily, DEFAULT, PANAMA, NOW)

    assert choose_kept(daily, DEFAULT, PANAMA, NOW.replace(year=year)) >= right


def test_backups_of_the_future() -> None:
    """Backups of a clock that was ahead take nobody's place."""
    future = {NOW + timedelta(days=days) for days in range(10, 40)}

    assert set(keep({NOW, *future})) == {NOW, *future}
    assert set(keep({NOW - timedelta(days=1), NOW, *future}, KeepRules(1, 0, 0, 0))) == {
        NOW,
        *future,
    }


@pytest.mark.parametrize(
    ("days", "newest"), [([-2, -1, 30], -1), ([30, 40], 40), ([], None), ([-2, 0], 0)]
)
def test_newest(days: list[int], newest: int | None) -> None:
    """A backup of a clock that was ahead is not the newest one, unless there is no other."""
    assert find_newest(days, lambda day: NOW + timedelta(days=day), NOW) == newest


def parse(text: str) -> Settings:
    return Settings.model_validate({"tenant": "acme", "backup_keep": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 newest, 7 daily, 4 weekly, 60 monthly", DEFAULT),
        ("1 newest", KeepRules(1, 0, 0, 0)),
        (" 12 Monthly,2 newest ", KeepRules(2, 0, 0, 12)),
    ],
)
def test_setting(text: str, expected: KeepRules) -> None:
    """The setting is written in words; what it leaves out keeps none."""
    assert parse(text).backup_keep == expected


@pytest.mark.parametrize("text", ["", "7", "7 daily", "0 newest", "x newest", "3 newest; 1 daily"])
def test_bad_setting(text: str) -> None:
    """Rules that keep nothing for certain are refused."""
    with pytest.raises(ValidationError, match="newest"):
        parse(text)
