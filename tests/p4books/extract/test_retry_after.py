"""The wait after a 429: what its headers ask for, by whose clock, within which limits."""

import time
from email.utils import formatdate
from itertools import pairwise

import pytest

from p4books.extract.retry_after import (
    LONGEST_WAIT,
    MAX_PATIENCE,
    MAX_REFUSALS,
    RefusalSeries,
    compute_wait,
)

WINDOW = 60.0
NOW = 1_900_000_000


def _date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("0", 0.05),
        ("-3", WINDOW),
        ("1e9", LONGEST_WAIT),
        ("nan", WINDOW),
        ("inf", WINDOW),
        (None, WINDOW),
        ("", WINDOW),
        ("soon", WINDOW),
        ("Mon, 99 Foo 2026 99:99:99 GMT", WINDOW),
        ("1 Jan 2001 00:00:00 +99999999999999", WINDOW),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    """Retry-After is followed within limits; without one of use the wait is a window."""
    headers = {} if header is None else {"Retry-After": header}

    assert seconds <= compute_wait(headers, WINDOW) <= seconds + 0.05


@pytest.mark.parametrize("skew", [-86_400, -60, 0, 240, 86_400])
def test_date(skew: float) -> None:
    """A date is judged by the clock of the server that wrote it, not by ours."""
    headers = {
        "Retry-After": formatdate(time.time() + skew + 10, usegmt=True),
        "Date": formatdate(time.time() + skew, usegmt=True),
    }

    assert 10 <= compute_wait(headers, WINDOW) <= 10.05


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_date_by_our_clock(date: str | None) -> None:
    """If the server does not show its clock, a date is judged by ours."""
    headers = {"Retry-After": formatdate(time.time() + 10, usegmt=True)}
    headers |= {} if date is None else {"Date": date}

    assert 8 < compute_wait(headers, WINDOW) <= 10.05


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("12", 12),
        (str(NOW + 12), 12),
        (f"{NOW + 12}.0", 12),
        (str((NOW + 12) * 1000), 12),
        (_date(12), 12),
        ("2030-03-17T17:46:52Z", 12),
        ("2030-03-17T12:46:52-05:00", 12),
        (str(NOW - 500), 0.05),
        (str(NOW + 10**8), LONGEST_WAIT),
        ("-12", WINDOW),
        ("later", WINDOW),
        ("1" * 400, WINDOW),
    ],
)
@pytest.mark.parametrize("name", ["X-RateLimit-Reset", "RateLimit-Reset"])
def test_reset(name: str, reset: str, seconds: float) -> None:
    """Without Retry-After, the end of the window counts, as seconds or as an instant."""
    wait = compute_wait({name: reset, "Date": _date(0)}, WINDOW)

    assert seconds <= wait <= seconds + 0.05


def test_retry_after_first() -> None:
    """Retry-After counts before the end of the window, unless it says nothing."""
    reset = {"X-RateLimit-Reset": "20"}

    assert compute_wait({"Retry-After": "5", **reset}, WINDOW) < 6
    assert compute_wait({"Retry-After": "soon", **reset}, WINDOW) >= 20


def test_refused_in_a_row() -> None:
    """A server that says 0 and refuses again is given more time, up to a window each."""
    series = RefusalSeries(WINDOW)

    waits = [wait for _ in range(MAX_REFUSALS) if (wait := series.next_wait({"Retry-After": "0"}))]

    assert len(waits) == MAX_REFUSALS - 1
    assert all(later >= earlier for earlier, later in pairwise(waits[:10]))
    assert sum(waits) > 5 * WINDOW
    assert max(waits) <= WINDOW + 0.05


def test_patience() -> None:
    """Waits of many minutes each are given up after an hour."""
    series = RefusalSeries(WINDOW)

    waits = 0.0
    while wait := series.next_wait({"Retry-After": "86400"}):
        waits += wait

    assert LONGEST_WAIT * 3 <= waits <= MAX_PATIENCE
