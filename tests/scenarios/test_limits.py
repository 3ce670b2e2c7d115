"""Is everything read, however the limit counts and refuses?"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.rate_limiter import RateLimiter
from p4books_sandbox import Sandbox

Open = Callable[..., Any]  # opens a tenant whose sandbox has some ways
KINDS = ("sliding", "fixed", "bucket")


# In real time: 31 pages, 20 requests a second.


@pytest.mark.parametrize("kind", KINDS)
def test_within_the_limit(tenant: Open, kind: str) -> None:
    """However the limit counts, who stays below it is never refused."""
    acme = tenant(
        {"invoices": 60, "limit": 20, "window": 1, "limit_kind": kind},
        page_size=2,
        requests_per_window=18,
        window_seconds=1,
    )

    found = acme.read()

    assert acme.spooled() == acme.told().keys()
    assert acme.sandbox.refused == found.total.refused == 0
    assert found.total.waited > 0


@pytest.mark.parametrize("kind", KINDS)
def test_another_program(tenant: Open, kind: str) -> None:
    """Where another program spends half of the limit, refusals are waited out and counted."""
    acme = tenant(
        {"invoices": 60, "limit": 20, "foreign": 10, "window": 1, "limit_kind": kind},
        page_size=3,
        requests_per_window=18,
        window_seconds=1,
    )

    found = acme.read()

    assert acme.spooled() == acme.told().keys()
    assert found.lists[0].scan.outcome.complete
    assert 0 < found.total.refused == acme.sandbox.refused < 15
    assert found.total.requests == len(acme.sandbox.requests)


# By a clock that the test holds, and the sandbox looks at too.


@dataclass
class Clock:
    """Seconds that pass only while somebody waits; it starts at the real time, as dates do."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that nobody really waits by."""
    return Clock()


@pytest.fixture
def ask(make_settings: Callable[..., Any], tmp_path: Path, clock: Clock) -> Any:
    """Read ten pages of a sandbox with these ways, without a throttle that knows its limit."""

    def read(**ways: Any) -> tuple[list[int], int]:
        with Sandbox(invoices=10, clock=clock, **ways) as sandbox:
            slots = RateLimiter(tmp_path / "slots.sqlite", 100_000, 60, clock, clock.wait)
            target = ApiTarget.from_settings(make_settings(sandbox))
            client = Client(ApiConnection(target, slots), sleep=clock.wait)
            rows = [client.fetch_page(ENDPOINTS["invoices"], 1).rows for _ in range(10)]
            assert client.counts.refused == sandbox.refused
            return rows, sandbox.refused

    return read


@pytest.mark.parametrize("told", ["seconds", "none", "date", "soon", "huge"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_way_to_refuse(ask: Any, clock: Clock, kind: str, told: str) -> None:
    """Whatever a 429 says of the wait, every page comes, in some windows at most."""
    began = clock()

    rows, refused = ask(limit=3, window=60, limit_kind=kind, retry_after=told)

    assert rows == [10] * 10
    assert 0 < refused < 20
    assert clock() - began < (3 * 901 if told == "huge" else 8 * 61)


@pytest.mark.parametrize("told", ["seconds", "none", "date", "soon"])
def test_five_minutes(ask: Any, clock: Clock, told: str) -> None:
    """Five minutes in which nobody is let in are waited out, in a handful of requests."""
    began = clock()

    rows, refused = ask(limit=100, blocked_for=300, blocked_from=0, retry_after=told)

    assert rows == [10] * 10
    assert 1 <= refused <= 6
    assert 300 <= clock() - began < 361
