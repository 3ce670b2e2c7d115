"""When does it happen?"""

from datetime import datetime

import pytest

from p4books_sandbox.sample_data import vocabulary


def test_three_years() -> None:
    """Days are counted from the first to the last of three years."""
    assert vocabulary.day(0) == "2023-07-01"
    assert vocabulary.day(vocabulary.LAST) == "2026-06-30" == vocabulary.LAST_DAY.isoformat()


@pytest.mark.parametrize("count", [1, 2, 7, 1096, 5000])
def test_spread_rises_to_the_last_day(count: int) -> None:
    """Documents are spread over all days in the order of their numbers, up to the last day."""
    instants = [
        (day, time) for day, time in (vocabulary.spread(n, count) for n in range(1, count + 1))
    ]

    assert instants == sorted(instants)
    assert instants[0][0] >= 0
    assert instants[-1][0] == vocabulary.LAST


@pytest.mark.parametrize(("share", "time"), [(0, "T12:00:00Z"), (0.5, "T17:30:00Z")])
def test_office_time(share: float, time: str) -> None:
    """Documents are made in office hours of Panama, written in UTC."""
    assert vocabulary.office_time(share) == time
    assert datetime.fromisoformat("2026-06-30" + vocabulary.office_time(0.999)).hour == 22


def test_shifted() -> None:
    """Every day moves, with its time; a text that merely looks like one stays."""
    row = b'{"on":"2026-06-30","at":"2026-02-28T12:00:00Z","tax_id":"1-2026-06-30","n":2026}'

    assert list(vocabulary.shifted([row], 1)) == [
        b'{"on":"2026-07-01","at":"2026-03-01T12:00:00Z","tax_id":"1-2026-06-30","n":2026}'
    ]
    assert list(vocabulary.shifted([row], 0)) == [row]
