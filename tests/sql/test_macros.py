"""Macros that no single model has to itself."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

Query = Callable[[str], list[tuple[Any, ...]]]

END = "select end_of_day(date '{}', '{}')::varchar"

ZONES = [
    "America/Asuncion",
    "America/Havana",
    "America/Nuuk",
    "America/Panama",
    "America/Santiago",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        ("2026-11-20", "America/Panama", "2026-11-21 04:59:59.999999+00"),
        ("2026-04-04", "America/Santiago", "2026-04-05 03:59:59.999999+00"),  # 25 hours
        ("2026-04-05", "America/Santiago", "2026-04-06 03:59:59.999999+00"),
        ("2026-10-31", "America/Havana", "2026-11-01 03:59:59.999999+00"),  # midnight twice
        ("2026-11-01", "America/Havana", "2026-11-02 04:59:59.999999+00"),
        ("2010-11-06", "America/St_Johns", "2010-11-07 03:29:59.999999+00"),  # back at 0:01
    ],
)
def test_clocks_put_back(query: Query, day: str, zone: str, end: str) -> None:
    """A day ends with its last instant, whether an hour before or after midnight occurs twice."""
    assert query(END.format(day, zone)) == [(end,)]


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        ("2026-09-05", "America/Santiago", "2026-09-06 03:59:59.999999+00"),
        ("2017-09-30", "America/Asuncion", "2017-10-01 03:59:59.999999+00"),
        ("2026-03-28", "Asia/Beirut", "2026-03-28 21:59:59.999999+00"),
        ("2026-04-23", "Africa/Cairo", "2026-04-23 21:59:59.999999+00"),
        ("2026-03-28", "America/Nuuk", "2026-03-29 00:59:59.999999+00"),  # 23 hours
    ],
)
def test_midnight_that_does_not_exist(query: Query, day: str, zone: str, end: str) -> None:
    """The day before one that begins at 01:00, or after a skipped hour, ends when that begins."""
    assert query(END.format(day, zone)) == [(end,)]


@pytest.mark.parametrize("day", ["2011-12-29", "2011-12-30"])
def test_skipped_day(query: Query, day: str) -> None:
    """Samoa went from 29 to 31 December 2011: the day between ends with the one before it."""
    assert query(END.format(day, "Pacific/Apia")) == [("2011-12-30 09:59:59.999999+00",)]


def test_every_day_ends_where_the_next_begins(query: Query) -> None:
    """In zones with unusual rules, on each day of 28 years, the end of a day is its last
    microsecond: the date is a later one a microsecond afterwards."""
    zones = json.dumps(ZONES).replace('"', "'")
    ends = query(
        f"""
        select zone, day, end_of_day(day, zone) as ends_at
        from (select unnest({zones}) as zone)
        cross join (
            select unnest(generate_series(date '2010-01-01', date '2037-12-31', interval 1 day))
                ::date as day
        )
        where local_day(ends_at, zone) > day
            or local_day(ends_at + interval 1 microsecond, zone) <= day
            or local_day(ends_at + interval 30 minutes, zone) <= day
        """
    )
    assert ends == []


@pytest.mark.parametrize("zone", ZONES)
def test_zone_data_of_python(query: Query, zone: str) -> None:
    """Python, which shows times to people, has the same ends of the days of 2026."""
    ends = query(
        f"""
        select day, epoch(end_of_day(day, '{zone}'))
        from (
            select unnest(generate_series(date '2026-01-01', date '2026-12-31', interval 1 day))
                ::date as day
        )
        """
    )
    for day, seconds in ends:
        end = datetime.fromtimestamp(seconds, UTC)
        dates = [(end + timedelta(seconds=s)).astimezone(ZoneInfo(zone)).date() for s in (-1, 1)]
        assert dates == [day, day + timedelta(days=1)]


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    "amount",
    [
        *("0.004999999999", "0.005", "999999.994999999999", "999999.995", "999999.999999999999"),
        *("1000000", "1000000.005", "9999999999999999.994999999999", "9999999999999999.995"),
    ],
)
def test_rounding_is_the_same_in_few_and_in_many_digits(
    query: Query, amount: str, sign: str
) -> None:
    """An amount is rounded half away from zero, below and above what fits in 18 digits."""
    rounded = Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP)
    expected = Decimal(sign + str(rounded)) if rounded < 10**16 else None

    assert query(f"select full_as_money('{sign}{amount}'::decimal(38, 12))") == [(expected,)]


@pytest.mark.parametrize("rate", ["0", "0.07", "0.070001", "999.999999"])
@pytest.mark.parametrize("net", ["0.07", "-9999999.99", "10000000", "9999999999999999.99"])
def test_tax_is_the_same_in_few_and_in_many_digits(query: Query, net: str, rate: str) -> None:
    """A tax is exact to the cent, below and above what fits in 18 digits; else it is null."""
    tax = (Decimal(net) * Decimal(rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    expected = tax if abs(tax) < 10**16 else None

    assert query(f"select tax_at_rate('{net}'::decimal(18, 2), '{rate}'::decimal(9, 6))") == [
        (expected,)
    ]
