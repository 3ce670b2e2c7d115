"""The clock of this machine, compared with P4 Books' and with earlier runs."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from p4books.errors import ClockWrong
from p4books.extract.clock import ClockCheck, parse_server_time


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def headers(server: str | None) -> dict[str, str]:
    if server is None:
        return {}
    return {"Date": format_datetime(datetime.fromtimestamp(seconds(server), UTC), usegmt=True)}


def check(
    now: str, server: str | None, known: tuple[str, ...], *, trust: bool = False
) -> ClockCheck:
    """Compare a clock with a response, and with the times that the warehouse has."""
    clock = ClockCheck([seconds(at) for at in known], lambda: seconds(now), trust=trust)
    clock.compare(headers(server))
    return clock


LAST_RUN = ("2026-11-05 15:00", "2026-11-05 15:00")
FUTURE = ("2036-11-05 15:00", "2026-11-05 15:00")  # an earlier run had a clock ten years ahead

# By case: this machine's clock, the server's, and the times that the warehouse has.
RIGHT = {
    "all agree": ("2026-11-05 15:15", "2026-11-05 15:15", LAST_RUN),
    "first run": ("2026-11-05 15:15", "2026-11-05 15:15", ()),
    "first run, without Date": ("2026-11-05 15:15", None, ()),
    "clocks half an hour apart": ("2026-11-05 15:15", "2026-11-05 15:45", LAST_RUN),
    "after a year": ("2027-11-05 15:15", "2027-11-05 15:15", LAST_RUN),
    "after a year, without Date": ("2027-11-05 15:15", None, LAST_RUN),
    "set back by minutes": ("2026-11-05 14:50", "2026-11-05 14:50", LAST_RUN),
    "set back by minutes, without Date": ("2026-11-05 14:50", None, LAST_RUN),
    "an earlier run was ahead": ("2026-11-06 15:00", "2026-11-06 15:00", FUTURE),
    "set back by a year": ("2025-11-05 15:00", "2025-11-05 15:00", LAST_RUN),
}
DIFFERENT = {
    "first run": ("2026-11-05 15:00", "2026-11-28 15:00", ()),
    "as in the last run": ("2026-11-05 15:15", "2027-11-28 15:00", LAST_RUN),
    "two days after the last run": ("2026-11-07 14:00", "2026-11-28 15:00", LAST_RUN),
    "Date in local time": ("2026-11-05 15:15", "2026-11-05 10:15", LAST_RUN),
    "Date in local time, two days later": ("2026-11-07 17:00", "2026-11-07 12:00", LAST_RUN),
    "Date in local time, after a weekend": ("2026-11-08 05:00", "2026-11-08 00:00", LAST_RUN),
    "Date ahead, after a weekend": ("2026-11-08 05:00", "2026-11-08 10:00", LAST_RUN),
    "Date in local time, after a month": ("2026-12-05 15:15", "2026-12-05 10:15", LAST_RUN),
    "Date before the last run, after a weekend": ("2026-11-08 05:00", "2020-01-01", LAST_RUN),
    "an earlier run was ahead": ("2026-11-06 15:00", "2026-11-28 15:00", FUTURE),
}
WRONG = {
    "ten years ahead": ("2036-11-05 15:00", "2026-11-05 15:15", LAST_RUN),
    "a week ahead": ("2026-11-12 15:15", "2026-11-05 15:15", LAST_RUN),
    "a year behind": ("2025-11-05 15:15", "2026-11-05 15:15", LAST_RUN),
    "ten years ahead, after a month": ("2036-12-05 15:15", "2026-12-05 15:15", LAST_RUN),
    "ten years behind, after a month": ("2016-12-05 15:15", "2026-12-05 15:15", LAST_RUN),
    "in 1970": ("1970-01-01 00:01", "2026-11-05 15:15", LAST_RUN),
    "in 1970, without Date": ("1970-01-01 00:01", None, LAST_RUN),
    "behind the last run, without Date": ("2026-11-05 13:30", None, LAST_RUN),
    "an earlier run was ahead, without Date": ("2026-11-06 15:00", None, FUTURE),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(case: str) -> None:
    """A clock that agrees with the server's, or with earlier runs if there is no Date, passes."""
    assert check(*RIGHT[case]).describe_skew() == []


@pytest.mark.parametrize("case", DIFFERENT)
def test_different(case: str) -> None:
    """A clock that differs from the server's, but continues earlier runs, is only noted."""
    (note,) = check(*DIFFERENT[case]).describe_skew()

    assert note.startswith(f"The clock of this machine says {DIFFERENT[case][0]}:00 UTC, which is ")
    assert "If its clock is wrong, set it" in note


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    """A clock that contradicts both the server's and the earlier runs stops the run."""
    now, server, known = WRONG[case]

    with pytest.raises(ClockWrong, match=rf"says {now}:00 UTC, .*--trust-clock") as caught:
        check(now, server, known)

    assert f"{server or FUTURE[0] if known is FUTURE else server or known[0]}:00" in str(
        caught.value
    )
    check(now, server, known, trust=True)


def test_direction() -> None:
    """The note says whether the clock is ahead or behind."""
    (ahead,) = check("2026-11-29 15:00", "2026-11-28 15:00", ()).describe_skew()
    (behind,) = check("2026-11-27 15:00", "2026-11-28 15:00", ()).describe_skew()

    assert "which is ahead of that of P4 Books: 2026-11-28 15:00:00 UTC" in ahead
    assert "which is behind that of P4 Books: 2026-11-28 15:00:00 UTC" in behind


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Date": "Thu, 05 Nov 2026 15:00:00 GMT"}, "2026-11-05 15:00"),
        ({"Date": "Thu, 05 Nov 2026 15:00:00 GMT", "Age": "3600"}, "2026-11-05 16:00"),
        ({"Date": "Thu, 05 Nov 2026 15:00:00 GMT", "Age": "-1"}, "2026-11-05 15:00"),
        ({"Date": "yesterday"}, None),
        ({"Age": "60"}, None),
        ({}, None),
    ],
)
def test_server_time(given: dict[str, str], expected: str | None) -> None:
    """The server's time is its Date plus the age of a cached response; it may be missing."""
    assert parse_server_time(given) == (None if expected is None else seconds(expected))
