"""Rate limiter in Postgres: never over the limit, over all machines of a key."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from tests.postgres import PostgresServer

from p4books.extract.client import ApiConnection
from p4books.extract.postgres_limiter import PostgresRateLimiter
from p4books.extract.rate_limiter import Limiter, RateLimiter
from p4books.settings import Lake, Settings
from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA
from p4books_sandbox import Sandbox

_SENDER = """
import json, sys
from pydantic import SecretStr
from p4books.endpoints import ENDPOINTS
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.postgres_limiter import PostgresRateLimiter
catalog, address, key, requests, limit, window = json.loads(sys.argv[1])
target = ApiTarget("acme", address, key, 1, "page", "page_size")
limiter = PostgresRateLimiter(SecretStr(catalog), "key", limit, window)
client = Client(ApiConnection(target, limiter))
for _ in range(requests):
    client.fetch_page(ENDPOINTS["vendors"], 1)
"""


def age(catalog: SecretStr, seconds: float) -> None:
    """Let time pass for all slots."""
    sql = f"update {SCHEMA}.slot set sent_at = sent_at - %s, answered_at = answered_at - %s"
    with connect_postgres(catalog, "") as connection:
        connection.execute(sql.encode(), (seconds, seconds))
        sql = f"update {SCHEMA}.block set until = until - %s"
        connection.execute(sql.encode(), (seconds,))


def test_window(catalog: SecretStr) -> None:
    """The allowed requests are sent at once, the next one a window after the first response."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        age(catalog, seconds)

    limiter, other = (PostgresRateLimiter(catalog, "key", 3, 60, sleep) for _ in range(2))
    assert limiter.seconds_for(3) == 0
    slots = [each.acquire() for each in (limiter, other, limiter)]
    assert not slept
    age(catalog, 10)
    limiter.release(slots[0])
    assert 59 < other.seconds_for(1) <= 60

    other.acquire()

    assert 59 < sum(slept) < 61
    assert PostgresRateLimiter(catalog, "another key", 3, 60, sleep).seconds_for(3) == 0


def test_block(catalog: SecretStr) -> None:
    """A 429 stops all machines for as long as it asks."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        age(catalog, seconds)

    limiter, other = (PostgresRateLimiter(catalog, "key", 3, 60, sleep) for _ in range(2))
    limiter.block(5)
    assert 4 < other.seconds_for(1) <= 5

    other.acquire()

    assert 4 < sum(slept) < 6


def test_isolation(catalog: SecretStr) -> None:
    """A slot that another machine gets while this one waits is seen, whatever the default."""
    set_default = "alter role current_user set default_transaction_isolation to "
    with connect_postgres(catalog, "") as connection:
        connection.execute(f"{set_default} 'repeatable read'".encode())
    try:
        asked = "options='-c default_transaction_isolation=serializable'"
        words = f"{catalog.get_secret_value()} {asked}"
        limiters = [PostgresRateLimiter(SecretStr(words), "key", 5, 60) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            slots = [slot for slot, _ in pool.map(PostgresRateLimiter._try_acquire, limiters * 4)]
    finally:
        with connect_postgres(catalog, "") as connection:
            connection.execute(f"{set_default} default".encode())

    assert sum(slot is not None for slot in slots) == 5


def test_catalog_without_home(catalog: SecretStr) -> None:
    """A catalog alone counts together with the machines of a home; a lake does not need to."""

    def open_limiter(**given: Any) -> Limiter:
        settings = Settings(tenant="acme", api_key=SecretStr("k" * 20), **given)
        return ApiConnection.from_settings(settings).limiter

    open_limiter(lake=Lake(catalog)).acquire()
    of_home = open_limiter(lake=Lake(catalog), home="/home-of-state")
    found = of_home._load_occupancy(of_home.limit)
    assert found
    assert len(found.since) == 1
    assert isinstance(open_limiter(lake=Lake(catalog, "/lake")), RateLimiter)


def test_clock_set_back(catalog: SecretStr) -> None:
    """After the clock of Postgres was set back, nobody waits longer than a window."""
    limiter = PostgresRateLimiter(catalog, "key", 1, 60, lambda seconds: age(catalog, seconds))
    limiter.release(limiter.acquire())
    age(catalog, -1_000_000)

    assert limiter.seconds_for(1) > 60
    assert limiter._try_acquire()[1] <= 60


def test_postgres_restarts(postgres: PostgresServer, catalog: SecretStr) -> None:
    """A Postgres that is killed and restarted costs a moment, and no slot is forgotten."""
    limiter = PostgresRateLimiter(catalog, "key", 2, 60)
    slots = [limiter.acquire(), limiter.acquire()]
    postgres.kill()
    starting = threading.Timer(0.3, postgres.start)
    starting.start()
    limiter.release(slots[0])
    starting.join()

    assert limiter._try_acquire()[0] is None


def test_two_processes(catalog: SecretStr, tmp_path: Path) -> None:
    """Two machines send as much as the limit allows and are never refused."""
    limit, window, requests = 20, 1.0, 40
    with Sandbox(invoices=0, limit=limit, window=window) as sandbox:
        words = catalog.get_secret_value(), sandbox.base_url, sandbox.key
        order = [*words, requests // 2, limit, window]
        started = time.monotonic()
        senders = [
            subprocess.Popen([sys.executable, "-c", _SENDER, json.dumps(order)]) for _ in range(2)
        ]
        assert [each.wait(100) for each in senders] == [0, 0]
        assert sandbox.refused == 0
        assert len(sandbox.requests) == requests
        assert time.monotonic() - started >= (requests / limit - 1) * window
