"""How often may a key ask?"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from p4books_sandbox.options import Options

Clock = Callable[[], float]

_HAIR = 1e-9  # of a request, lost in adding parts of it


class Room(NamedTuple):
    """What a key may still ask at once, and in how many seconds it has more."""

    left: int
    resets_in: float


class Limit(Protocol):
    """Counts the requests of each key when they arrive; refused ones are not counted."""

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds until one may."""

    def room(self, key: str) -> Room:
        """Tell what is left, and count nothing."""


def limit_of(options: Options, clock: Clock) -> Limit:
    """Make the limit of a server; what another program spends is not there for us."""
    share = options.limit - options.foreign
    limit: Limit = _KINDS[options.limit_kind](share, options.window, clock)
    if options.blocked_for:
        limit = Blocked(limit, options.blocked_from, options.blocked_for, clock)
    return limit


class SlidingWindow:
    """At most `limit` requests in any `window` seconds."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Take requests a window (0: no limit), seconds, and a clock in seconds."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._arrivals: dict[str, deque[float]] = {}

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds until one may."""
        if not self._limit:
            return 0.0
        left, resets_in = self.room(key)
        if not left:
            return resets_in
        self._arrivals[key].append(self._clock())
        return 0.0

    def room(self, key: str) -> Room:
        """Tell what is left, and when the oldest request is a window old."""
        now = self._clock()
        arrivals = self._arrivals.setdefault(key, deque())
        while arrivals and arrivals[0] <= now - self._window:
            arrivals.popleft()
        resets_in = arrivals[0] + self._window - now if arrivals else 0.0
        return Room(self._limit - len(arrivals), resets_in)


class FixedWindow:
    """At most `limit` requests in each `window` seconds of the clock, counted from its 0."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Take requests a window (0: no limit), seconds, and a clock in seconds."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._spent: dict[str, tuple[float, int]] = {}

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds to the next window."""
        if not self._limit:
            return 0.0
        left, resets_in = self.room(key)
        if not left:
            return resets_in
        self._spent[key] = (self._clock() // self._window, self._limit - left + 1)
        return 0.0

    def room(self, key: str) -> Room:
        """Tell what is left of this window, and when it ends."""
        window, within = divmod(self._clock(), self._window)
        begun, spent = self._spent.get(key, (window, 0))
        return Room(self._limit - (spent if begun == window else 0), self._window - within)


class TokenBucket:
    """Up to `limit` requests at once, and as many more as drip in: `limit` in `window` seconds."""

    def __init__(self, limit: int, window: float, clock: Clock = time.monotonic) -> None:
        """Take requests a window (0: no limit), seconds, and a clock in seconds."""
        self._limit = limit
        self._seconds_each = window / limit if limit else 0.0
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds until one drips in."""
        if not self._limit:
            return 0.0
        held = self._held(key)
        if held < 1 - _HAIR:
            return (1 - held) * self._seconds_each
        self._buckets[key] = (self._clock(), held - 1)
        return 0.0

    def room(self, key: str) -> Room:
        """Tell what is in the bucket, and when it is full."""
        held = self._held(key)
        return Room(int(held + _HAIR), (self._limit - held) * self._seconds_each)

    def _held(self, key: str) -> float:
        now = self._clock()
        since, held = self._buckets.get(key, (now, float(self._limit)))
        dripped = (now - since) / self._seconds_each if self._limit else 0.0
        return min(float(self._limit), held + dripped)


class Blocked:
    """Another limit, but for some seconds nobody gets in, whatever was asked before."""

    def __init__(self, limit: Limit, start: float, seconds: float, clock: Clock) -> None:
        """Take seconds from the first request to the block, and how long it lasts."""
        self._limit = limit
        self._start = start
        self._seconds = seconds
        self._clock = clock
        self._first: float | None = None

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds until one may."""
        self._first = self._clock() if self._first is None else self._first
        return self._remaining() or self._limit.wait_for(key)

    def room(self, key: str) -> Room:
        """Tell what is left; nothing while blocked."""
        remaining = self._remaining()
        return Room(0, remaining) if remaining else self._limit.room(key)

    def _remaining(self) -> float:
        if self._first is None:
            return 0.0
        since = self._clock() - self._first - self._start
        return self._seconds - since if 0 <= since < self._seconds else 0.0


_KINDS: dict[str, Callable[[int, float, Clock], Limit]] = {
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
    "bucket": TokenBucket,
}
