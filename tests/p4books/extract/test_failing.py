"""What does it mean that no answer came?"""

import time
from email.utils import formatdate

import pytest
import urllib3

from p4books.extract.client import (
    LONGEST_WAIT,
    describe_connection_failure,
    describe_missing_response,
    parse_retry_after,
)


def test_no_connection() -> None:
    """What failed before a connection stood says why, the seconds of a time-out with it."""
    error = urllib3.exceptions.ConnectTimeoutError("x")

    assert describe_connection_failure(error, 2.5) == "no connection within 2.5 seconds"


def test_a_connection_that_stood() -> None:
    """What failed on a connection is no missing connection, and is told as what came instead."""
    error = urllib3.exceptions.ProtocolError("x")

    assert describe_connection_failure(error, 30) is None
    assert describe_missing_response(error, 30) == "a dropped connection"
    assert describe_missing_response(urllib3.exceptions.HTTPError("x"), 30) == "a failed transfer"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7),
        ("0", 0.05),
        ("-3", 0.05),
        ("1e9", LONGEST_WAIT),
        ("nan", 60),
        (None, 60),
        ("x", 60),
    ],
)
def test_wait_told(told: str | None, seconds: float) -> None:
    """A 429 is waited out as told, within reason; a window where it does not say."""
    assert seconds <= parse_retry_after(told, 60) <= seconds + 0.05


def test_wait_until() -> None:
    """A date is as good as seconds."""
    assert 8 < parse_retry_after(formatdate(time.time() + 10, usegmt=True), 60) <= 10.05
