"""Rate limits of the sandbox: sliding window, fixed window, token bucket, temporary block."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from p4books_sandbox.options import Options

Clock = Callable[[], float]
"""Returns seconds."""

_ROUNDING = 1e-9  # of a request, lost when fractions of requests are added


class Allowance(NamedTuple):
    """Requests a key may still make at once, and the seconds until it has more."""

    remaining: int
    resets_in: float


class RequestLimit(Protocol):
    """Counts the requests of each key as they arrive; refused ones are not counted."""

    def acquire(self, key: str) -> float:
        """Count one request; return 0.0 if it is allowed, else the seconds until one is."""

    def peek(self, key: str) -> Allowance:
        """Return what is left, without counting a request."""


def make_limit(options: Options, clock: Clock) -> RequestLimit:
    """Make the limit that the options describe, less what another program uses of it."""
    share = options.limit - options.foreign
    limit: RequestLimit = _LIMITS[options.limit_kind](share, options.window, clock)
    if options.blocked_for:
        limit = TemporaryBlock(limit, options.blocked_from, options.blocked_for, clock)
    return limit


class SlidingWindow:
    """At most `limit` requests in any `window` seconds."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Allow `limit` requests (0: any number) in `window` seconds of the clock."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._arrivals: dict[str, deque[float]] = {}

    def acquire(self, key: str) -> float:
        """Count one request; return 0.0 if it is allowed, else the seconds until one is."""
        if not self._limit:
            return 0.0
        remaining, resets_in = self.peek(key)
        if not remaining:
            return resets_in
        self._arrivals[key].append(self._clock())
        return 0.0

    def peek(self, key: str) -> Allowance:
        """Return what is left, and when the oldest request leaves the window."""
        now = self._clock()
        arrivals = self._arrivals.setdefault(key, deque())
        while arrivals and arrivals[0] <= now - self._window:
            arrivals.popleft()
        resets_in = arrivals[0] + self._window - now if arrivals else 0.0
        return Allowance(self._limit - len(arrivals), resets_in)


class FixedWindow:
    """At most `limit` requests in each `window` seconds of the clock, counted from its 0."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Allow `limit` requests (0: any number) in `window` seconds of the clock."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._spent: dict[str, tuple[float, int]] = {}

    def acquire(self, key: str) -> float:
        """Count one request; return 0.0 if it is allowed, else the seconds to the next window."""
        if not self._limit:
            return 0.0
        remaining, resets_in = self.peek(key)
        if not remaining:
            return resets_in
        self._spent[key] = (self._clock() // self._window, self._limit - remaining + 1)
        return 0.0

    def peek(self, key: str) -> Allowance:
        """Return what is left of this window, and when it ends."""
        window, elapsed = divmod(self._clock(), self._window)
        counted_in, spent = self._spent.get(key, (window, 0))
        remaining = self._limit - (spent if counted_in == window else 0)
        return Allowance(remaining, self._window - elapsed)


class TokenBucket:
    """Up to `limit` requests at once, refilled evenly by `limit` in `window` seconds."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Allow `limit` requests (0: any number) in `window` seconds of the clock."""
        self._limit = limit
        self._seconds_each = window / limit if limit else 0.0
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def acquire(self, key: str) -> float:
        """Count one request; return 0.0 if it is allowed, else the seconds to the next token."""
        if not self._limit:
            return 0.0
        tokens = self._tokens(key)
        if tokens < 1 - _ROUNDING:
            return (1 - tokens) * self._seconds_each
        self._buckets[key] = (self._clock(), tokens - 1)
        return 0.0

    def peek(self, key: str) -> Allowance:
        """Return the whole tokens in the bucket, and when it is full."""
        tokens = self._tokens(key)
        return Allowance(int(tokens + _ROUNDING), (self._limit - tokens) * self._seconds_each)

    def _tokens(self, key: str) -> float:
        now = self._clock()
        since, tokens = self._buckets.get(key, (now, float(self._limit)))
        refilled = (now - since) / self._seconds_each if self._limit else 0.0
        return min(float(self._limit), tokens + refilled)


class TemporaryBlock:
    """Another limit, with a period during which every request is refused."""

    def __init__(self, limit: RequestLimit, start: float, seconds: float, clock: Clock) -> None:
        """Block for `seconds`, from `start` seconds after the first request."""
        self._limit = limit
        self._start = start
        self._seconds = seconds
        self._clock = clock
        self._first: float | None = None

    def acquire(self, key: str) -> float:
        """Count one request; return 0.0 if it is allowed, else the seconds until one is."""
        self._first = self._clock() if self._first is None else self._first
        return self._remaining() or self._limit.acquire(key)

    def peek(self, key: str) -> Allowance:
        """Return what is left; nothing during the block."""
        remaining = self._remaining()
        return Allowance(0, remaining) if remaining else self._limit.peek(key)

    def _remaining(self) -> float:
        if self._first is None:
            return 0.0
        since = self._clock() - self._first - self._start
        return self._seconds - since if 0 <= since < self._seconds else 0.0


_LIMITS: dict[str, Callable[[int, float, Clock], RequestLimit]] = {
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
    "bucket": TokenBucket,
}
