"""How often may a key ask?"""

import time
from collections import deque
from collections.abc import Callable


class SlidingWindow:
    """At most `limit` requests of a key in any `window` seconds, counted when they arrive."""

    def __init__(
        self, limit: int, window: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take requests a window (0: no limit), seconds, and a clock in seconds."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._arrivals: dict[str, deque[float]] = {}

    def wait_for(self, key: str) -> float:
        """Count one request; give 0.0 if it may pass, else the seconds until one may.

        A refused request is not counted against the key.
        """
        if not self._limit:
            return 0.0
        now = self._clock()
        arrivals = self._arrivals.setdefault(key, deque())
        while arrivals and arrivals[0] <= now - self._window:
            arrivals.popleft()
        if len(arrivals) >= self._limit:
            return arrivals[0] + self._window - now
        arrivals.append(now)
        return 0.0
