"""What has arrived?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_NEVER_KEPT = frozenset({"authorization", "cookie"})


@dataclass(frozen=True)
class Arrival:
    """One request: `at` is the clock's seconds, `status` is None while it has no answer.

    `page` and `page_size` are None when not given as whole numbers; a list's page is 1 then,
    if it was not given at all. `headers` are in lower case and without the key.
    """

    method: str
    endpoint: str
    page: int | None
    page_size: int | None
    at: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Log:
    """The requests that arrived, in the order of their arrival."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []

    def arrive(self, arrival: Arrival) -> int:
        """Note a request; give its place in the log."""
        self._arrivals.append(arrival)
        return len(self._arrivals) - 1

    def answered(self, place: int, status: int) -> None:
        """Note the status a request was answered with."""
        self._arrivals[place] = replace(self._arrivals[place], status=status)

    def arrivals(self) -> list[Arrival]:
        """Give what arrived so far, as a copy."""
        return list(self._arrivals)

    def __len__(self) -> int:
        return len(self._arrivals)


def kept(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give the headers that may be kept: all but those that hold a key."""
    words = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return {name: value for name, value in words if name not in _NEVER_KEPT}
