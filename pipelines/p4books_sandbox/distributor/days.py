"""When does it happen?"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache

LAST = 1095  # three years of days, counted from 0
FIRST_DAY = date(2023, 7, 1)
LAST_DAY = date(2026, 6, 30)

_QUOTED_DAY = re.compile(rb'(?<=")\d{4}-\d\d-\d\d(?=[T"])')
_BEFORE = 400
_AFTER = 400
_DAYS = [
    (FIRST_DAY + timedelta(days=day)).isoformat() for day in range(-_BEFORE, LAST + _AFTER + 1)
]


def day(number: int) -> str:
    """Write a day, counted from 0 on the first of the three years."""
    return _DAYS[number + _BEFORE]


def spread(number: int, count: int) -> tuple[int, str]:
    """Give the day of the number-th of count documents, from 1, and its time in that day.

    Days and times rise with the number; the last of all is on the last day.
    """
    at, rest = divmod(number * (LAST + 1) - 1, count)
    return at, office_time(rest / count)


def office_time(share: float) -> str:
    """Write a time, that share of the way through an office day in Panama, in UTC."""
    minutes, seconds = divmod(int(share * 39_600), 60)
    hours, minutes = divmod(minutes, 60)
    return f"T{hours + 12:02d}:{minutes:02d}:{seconds:02d}Z"


def shifted(rows: Iterable[bytes], later: int) -> Iterable[bytes]:
    """Move every day in encoded records by so many days."""
    if not later:
        return rows

    @cache
    def move(day: bytes) -> bytes:
        return (date.fromisoformat(day.decode()) + timedelta(days=later)).isoformat().encode()

    return (_QUOTED_DAY.sub(lambda found: move(found[0]), row) for row in rows)
