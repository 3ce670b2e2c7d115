"""This machine's clock, compared with that of P4 Books and with the times of earlier runs."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from p4books.errors import ClockWrong
from p4books.extract.retry_after import parse_date

MAX_SKEW = 3600.0  # seconds by which two clocks may differ
MAX_LEAD = 2 * 86400.0  # seconds by which this clock may be ahead of the two others


class ClockCheck:
    """Compares the clock with the header Date of each response, and with earlier runs.

    `known_times` are times that the warehouse has, in seconds since 1970: the newest at all, and
    the newest that is not in the future. The header may be missing or wrong (contract: it is not
    documented), and so may the clock have been in an earlier run. So the clock is rejected only if
    it contradicts both, and the server's time continues the known ones; with `trust`, never. How
    long ago the last run was does not matter, so a server that is hours off stops no run after a
    pause. `clock` returns seconds since 1970.
    """

    def __init__(
        self,
        known_times: Sequence[float] = (),
        clock: Callable[[], float] = time.time,
        *,
        trust: bool = False,
    ) -> None:
        self.clock = clock
        self.known_times = known_times
        self._trust = trust
        self._server_time: float | None = None
        self._local_time = 0.0

    def compare(self, headers: Mapping[str, str]) -> None:
        """Compare the clock with the headers of a response that just arrived. Raises ClockWrong."""
        now, server = self.clock(), parse_server_time(headers)
        if server is not None:
            self._server_time, self._local_time = server, now
        if not self._trust:
            self._check(now, server)

    def describe_skew(self) -> list[str]:
        """Return a note if the two clocks differ, although the run was not stopped."""
        if self._server_time is None or abs(self._local_time - self._server_time) <= MAX_SKEW:
            return []
        local, server = _format_time(self._local_time), _format_time(self._server_time)
        direction = "ahead of" if self._local_time > self._server_time else "behind"
        note = (
            f"The clock of this machine says {local}, which is {direction} that of P4 Books: "
            f"{server}. All times and the as-of day are those of this machine. If its clock is "
            "wrong, set it: the next run corrects times that lie in the future."
        )
        return [note]

    def _check(self, now: float, server: float | None) -> None:
        if server is None:
            newest = max(self.known_times, default=now)
            if newest > now + MAX_SKEW:
                raise ClockWrong(_format_time(now), None, _format_time(newest))
            return
        if abs(now - server) <= MAX_SKEW:
            return
        possible = [at for at in self.known_times if at <= max(now, server) + MAX_SKEW]
        newest = max(possible, default=now)
        is_possible = newest - MAX_SKEW <= now <= max(newest, server) + MAX_LEAD
        if server >= newest - MAX_SKEW and not is_possible:
            raise ClockWrong(_format_time(now), _format_time(server), _format_time(newest))


def parse_server_time(headers: Mapping[str, str]) -> float | None:
    """Return the server's time in seconds since 1970; None if the headers do not say.

    A cache adds how many seconds ago the response was made (RFC 9111, 5.1).
    """
    made_at = parse_date(headers.get("Date"))
    age = headers.get("Age", "")
    return made_at if made_at is None else made_at + (int(age) if age.isdecimal() else 0)


def _format_time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
