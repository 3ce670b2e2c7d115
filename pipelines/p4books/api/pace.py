"""How long will it still take?"""

import statistics
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from p4books.api.throttle import Throttle

LAST = 31  # answers of a list by which its pace is told


class Pace:
    """Estimates the seconds left of reading lists side by side.

    The limit rules, for all lists together; where the server is slower than that, the list that
    takes longest. No more is read than `requests` (None: all). `clock` gives seconds.
    """

    def __init__(
        self,
        slots: Throttle,
        clock: Callable[[], float] = time.monotonic,
        requests: int | None = None,
    ) -> None:
        self._slots = slots
        self._clock = clock
        self._requests = requests
        self._told = 0
        self._ahead: dict[str, int] = {}
        self._answered: dict[str, deque[float]] = {}

    def told(self, endpoint: str, pages: int, announced: int) -> None:
        """Note that a list was read so far: so many pages, of so many."""
        self._told += 1
        self._ahead[endpoint] = max(announced - pages, 0)
        self._answered.setdefault(endpoint, deque(maxlen=LAST)).append(self._clock())

    def left(self) -> float:
        """Return the seconds until all that was told of is read."""
        ahead = sum(self._ahead.values())
        if self._requests is not None:
            ahead = min(ahead, max(self._requests - self._told, 0))
        slowest = max((self._seconds(name, ahead) for name in self._ahead), default=0.0)
        return max(self._slots.seconds_for(ahead), slowest)

    def _seconds(self, endpoint: str, most: int) -> float:
        """Return how long one list takes at its own pace; waits under the limit are no pace."""
        gaps = [later - before for before, later in pairwise(self._answered[endpoint])]
        return min(self._ahead[endpoint], most) * statistics.median(gaps) if gaps else 0.0
