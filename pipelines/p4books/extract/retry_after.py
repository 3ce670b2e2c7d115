"""How long to wait after a 429, as its headers say."""

import math
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

LONGEST_WAIT = 900.0  # seconds, even if a 429 asks for more
SHORTEST_WAIT = 0.05  # seconds; doubles with each refusal in a row

MAX_REFUSALS = 20  # 429s in a row before a request is given up
MAX_PATIENCE = 3600.0  # seconds of waits after 429s in a row, likewise

_RESET_HEADERS = ("X-RateLimit-Reset", "RateLimit-Reset", "X-Rate-Limit-Reset")
_LONGEST_DATE = 50  # characters
_EPOCH = 1e9  # seconds; a larger number is an instant, not a wait
_EPOCH_MILLISECONDS = 1e11


class RefusalSeries:
    """The 429s in a row that one request got, with a window of that many seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._refusals = 0
        self._waited = 0.0

    def next_wait(self, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait after one more 429, None if it is time to give up."""
        self._refusals += 1
        wait = compute_wait(headers, self._window, self._refusals)
        self._waited += wait
        is_hopeless = self._refusals >= MAX_REFUSALS or self._waited > MAX_PATIENCE
        return None if is_hopeless else wait


def compute_wait(headers: Mapping[str, str], window: float, refusals: int = 1) -> float:
    """Return the seconds to wait after a 429 with these headers, the `refusals`th in a row.

    Instants are judged by the clock of the server, which the header Date shows. If no header says
    anything of use, it is a whole `window` (contract: none is documented). The longer a server goes
    on refusing, the less its word is believed: the shortest wait doubles, up to the window.
    """
    now = parse_date(headers.get("Date")) or time.time()
    seconds = parse_retry_after(headers.get("Retry-After"), now)
    for name in _RESET_HEADERS:
        seconds = _parse_reset(headers.get(name), now) if seconds is None else seconds
    shortest = min(SHORTEST_WAIT * 2.0 ** (refusals - 1), window)
    jitter = random.uniform(0, 0.05)  # noqa: S311 - spreads processes, protects no secret
    return min(max(window if seconds is None else seconds, shortest), LONGEST_WAIT) + jitter


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds from `now` that a Retry-After asks for; None if it asks for nothing.

    It is a number of seconds, or a date (RFC 9110, 10.2.3); `now` in seconds since 1970.
    """
    seconds = _parse_number(value)
    if seconds is None and (instant := parse_date(value)) is not None:
        return max(instant - now, 0.0)
    return seconds


def _parse_reset(value: str | None, now: float) -> float | None:
    """Return the seconds until a window ends: as seconds, as an instant, or as a date."""
    number = _parse_number(value)
    if number is None or number < _EPOCH:
        return parse_retry_after(value, now)
    instant = number / 1000 if number >= _EPOCH_MILLISECONDS else number
    return max(instant - now, 0.0)


def _parse_number(value: str | None) -> float | None:
    """Parse a number of seconds; None if it is not one, or negative."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


@lru_cache(maxsize=16)  # responses of one second have one date
def parse_date(value: str | None) -> float | None:
    """Parse an HTTP date, or one of ISO 8601, as seconds since 1970; without a zone it is UTC."""
    text = (value or "").strip()
    if len(text) > _LONGEST_DATE:
        return None
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            parsed = parse(text)
            zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            return zoned.timestamp()
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
