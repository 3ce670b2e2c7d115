"""How many requests may this run still make?"""

import threading


class Budget:
    """The requests of one run, shared by the threads that read its lists; None: no end."""

    def __init__(self, requests: int | None = None) -> None:
        self._left = requests
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take the request of one page; False where none is left."""
        with self._lock:
            if self._left is not None:
                if self._left <= 0:
                    return False
                self._left -= 1
            return True

    def spend(self, requests: int) -> None:
        """Count requests that were made and not taken: repeats, and the tails."""
        with self._lock:
            if self._left is not None:
                self._left -= requests
