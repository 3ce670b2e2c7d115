"""What does it mean that no answer came?"""

import math
import random
import time
from email.utils import parsedate_to_datetime

import urllib3

LONGEST_WAIT = 900.0  # seconds; a server that asks for more is asked again after that

_NO_CONNECTION = (
    (urllib3.exceptions.NameResolutionError, "its name is not known"),
    (urllib3.exceptions.SSLError, "its certificate is not trusted"),
    (urllib3.exceptions.ProxyError, "the proxy did not let us through"),
    (urllib3.exceptions.NewConnectionError, "the connection was refused"),  # is a time-out too
    (urllib3.exceptions.ConnectTimeoutError, "no connection within {:g} seconds"),
)
_NO_ANSWER = (
    (urllib3.exceptions.ReadTimeoutError, "nothing within {:g} seconds"),
    (urllib3.exceptions.ResponseError, "redirects that lead in a circle"),
    (urllib3.exceptions.DecodeError, "a body that cannot be unpacked"),
    (urllib3.exceptions.IncompleteRead, "a body that is cut off"),
    (urllib3.exceptions.ProtocolError, "a connection that broke off"),
)


def no_connection(error: Exception, timeout: float) -> str | None:
    """Say why no connection came about within so many seconds; None where one did."""
    found = next((why for kind, why in _NO_CONNECTION if isinstance(error, kind)), None)
    return found and found.format(timeout)


def no_answer(error: Exception, timeout: float) -> str:
    """Say what came over a connection, instead of an answer, within so many seconds."""
    found = next((what for kind, what in _NO_ANSWER if isinstance(error, kind)), "a broken line")
    return found.format(timeout)


def wait_told(retry_after: str | None, window: float) -> float:
    """Read how many seconds a 429 asks us to wait; a whole window where it does not say."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after or "").timestamp() - time.time()
        except (ValueError, OverflowError):
            seconds = window
    if not math.isfinite(seconds):
        seconds = window
    return min(max(seconds, 0.05), LONGEST_WAIT) + random.uniform(0, 0.05)  # noqa: S311
