"""Rate limits: everything is read, however the server counts and refuses."""

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

Open = Callable[..., Any]  # opens a tenant whose sandbox has these options
KINDS = ("sliding", "fixed", "bucket")


@pytest.mark.parametrize("kind", KINDS)
def test_within_the_limit(tenant: Open, kind: str) -> None:
    """A client below the limit is never refused, in real time, however the server counts."""
    acme = tenant(
        {"invoices": 60, "limit": 20, "window": 1, "limit_kind": kind},
        page_size=2,
        requests_per_window=18,
        window_seconds=1,
    )

    result = acme.extract()

    assert acme.spooled() == acme.expected().keys()
    assert acme.sandbox.refused == result.total.refused == 0
    assert result.total.waited > 0


@pytest.mark.parametrize("kind", KINDS)
def test_limit_shared_with_another_program(tenant: Open, kind: str) -> None:
    """If another program spends half of the limit, refusals are waited out and counted."""
    acme = tenant(
        {"invoices": 60, "limit": 20, "foreign": 10, "window": 1, "limit_kind": kind},
        page_size=3,
        requests_per_window=18,
        window_seconds=1,
    )

    result = acme.extract()

    assert acme.spooled() == acme.expected().keys()
    assert result.lists[0].scan.outcome.complete
    assert 0 < result.total.refused == acme.sandbox.refused < 15
    assert result.total.requests == len(acme.sandbox.requests)


@dataclass
class Clock:
    """A clock shared with the sandbox that advances only in waits, from the real time on."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock without real waits."""
    return Clock()


@pytest.fixture
def read_ten_pages(make_settings: Callable[..., Any], tmp_path: Path, clock: Clock) -> Any:
    """Read ten pages of a sandbox with these options, with a limiter that does not know them."""

    def read(**options: Any) -> tuple[list[int], int]:
        with Sandbox(invoices=10, clock=clock, **options) as sandbox:
            limiter = RateLimiter(tmp_path / "slots.sqlite", 100_000, 60, clock, clock.wait)
            target = ApiTarget.from_settings(make_settings(sandbox))
            client = Client(ApiConnection(target, limiter), sleep=clock.wait)
            rows = [client.fetch_page(ENDPOINTS["invoices"], 1).rows for _ in range(10)]
            assert client.counts.refused == sandbox.refused
            return rows, sandbox.refused

    return read


@pytest.mark.parametrize("retry_after", ["seconds", "none", "date", "soon", "huge"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_refusal(
    read_ten_pages: Any, clock: Clock, kind: str, retry_after: str
) -> None:
    """Whatever a 429 says about the wait, every page arrives within a few windows."""
    started_at = clock()

    rows, refused = read_ten_pages(limit=3, window=60, limit_kind=kind, retry_after=retry_after)

    assert rows == [10] * 10
    assert 0 < refused < 20
    assert clock() - started_at < (3 * 901 if retry_after == "huge" else 8 * 61)


@pytest.mark.parametrize("retry_after", ["seconds", "none", "date", "soon"])
def test_blocked_for_five_minutes(read_ten_pages: Any, clock: Clock, retry_after: str) -> None:
    """A block of five minutes is waited out with a handful of requests."""
    started_at = clock()

    rows, refused = read_ten_pages(
        limit=100, blocked_for=300, blocked_from=0, retry_after=retry_after
    )

    assert rows == [10] * 10
    assert 1 <= refused <= 6
    assert 300 <= clock() - started_at < 361
