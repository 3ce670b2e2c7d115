"""Who gets in?"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from p4books_sandbox import Sandbox

Ask = Callable[..., requests.Response]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic sandbox-key", "sandbox-key"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "products"), ("POST", "vendors")])
def test_only_with_the_key(shared: Sandbox, ask: Ask, header: str, method: str, path: str) -> None:
    """Without the key, or with another, nothing is given and nothing taken."""
    answer = ask(shared, path, method, json={}, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_another_key(ask: Ask) -> None:
    """The key can be chosen."""
    with Sandbox(empty=True, key="ours") as sandbox:
        assert ask(sandbox, "products").status_code == 200
        assert ask(sandbox, "products", headers={"Authorization": "bearer  ours"}).ok


def test_the_limit(ask: Ask) -> None:
    """Over the limit comes 429 with the seconds to wait; a window later it goes on."""
    now = [0.0]
    with Sandbox(empty=True, limit=2, window=60, clock=lambda: now[0]) as sandbox:
        first = [ask(sandbox, "products").status_code for _ in range(2)]
        now[0] = 14.5
        over = ask(sandbox, "vendors")
        now[0] = 60.0
        later = ask(sandbox, "products")

    assert first == [200, 200]
    assert (over.status_code, over.headers["retry-after"]) == (429, "46")
    assert later.status_code == 200
    assert sandbox.refused == 1


@pytest.mark.parametrize(
    ("retry_after", "told"),
    [("seconds", "46"), ("none", None), ("soon", "soon"), ("huge", "99999999")],
)
def test_what_a_refusal_says(ask: Ask, retry_after: str, told: str | None) -> None:
    """A refusal may tell the wait, nothing, or what nobody can use."""
    now = [0.0]
    options: dict[str, Any] = {"limit": 1, "retry_after": retry_after, "clock": lambda: now[0]}
    with Sandbox(empty=True, **options) as sandbox:
        ask(sandbox, "products")
        now[0] = 14.5
        over = ask(sandbox, "products")

    assert (over.status_code, over.headers.get("retry-after")) == (429, told)


def test_the_wait_as_a_date(ask: Ask) -> None:
    """The wait may be told as the moment it ends, never too early."""
    with Sandbox(empty=True, limit=1, retry_after="date", clock=lambda: 0.0) as sandbox:
        ask(sandbox, "products")
        before = time.time()
        told = parsedate_to_datetime(ask(sandbox, "products").headers["retry-after"])

    assert before + 60 <= told.timestamp() <= time.time() + 61


@pytest.mark.parametrize("told", ["seconds", "epoch"])
def test_limit_headers(ask: Ask, told: str) -> None:
    """Every answer may tell the limit, what is left and when there is more."""
    options: dict[str, Any] = {"limit": 3, "foreign": 1, "limit_headers": told}
    with Sandbox(empty=True, clock=lambda: 0.0, **options) as sandbox:
        found = [ask(sandbox, "products").headers for _ in range(3)]

    since = time.time() if told == "epoch" else 0
    assert [each["x-ratelimit-limit"] for each in found] == ["3", "3", "3"]
    assert [each["x-ratelimit-remaining"] for each in found] == ["1", "0", "0"]
    assert all(55 < int(each["x-ratelimit-reset"]) - since <= 61 for each in found)


def test_no_limit_headers(shared: Sandbox, ask: Ask) -> None:
    """Usually nothing of the limit is told."""
    assert not [name for name in ask(shared, "products").headers if "ratelimit" in name.lower()]


def test_a_long_block(ask: Ask) -> None:
    """For five minutes every request may be refused; then it goes on."""
    now = [0.0]
    with Sandbox(empty=True, blocked_for=300, blocked_from=60, clock=lambda: now[0]) as sandbox:
        statuses = []
        for now[0] in (0.0, 60.0, 200.0, 359.0, 360.0):
            statuses.append(ask(sandbox, "products").status_code)

    assert statuses == [200, 429, 429, 429, 200]
    assert sandbox.refused == 3


def test_who_has_no_key_spends_nothing(ask: Ask) -> None:
    """A request with a wrong key does not count against the right one."""
    with Sandbox(empty=True, limit=1) as sandbox:
        ask(sandbox, "products", headers={"Authorization": "Bearer wrong"})

        assert ask(sandbox, "products").status_code == 200


def test_rights(ask: Ask) -> None:
    """A list can be forbidden, and permitted again."""
    with Sandbox(empty=True) as sandbox:
        sandbox.forbid("invoices")
        statuses = [ask(sandbox, path).status_code for path in ("invoices", "products")]
        sandbox.permit("invoices")

        assert statuses == [403, 200]
        assert ask(sandbox, "invoices").status_code == 200


def test_what_is_noted(ask: Ask) -> None:
    """Each request is noted with what it asked for and what it got, but not its key."""
    with Sandbox(empty=True, limit=3, clock=lambda: 5.0) as sandbox:
        ask(sandbox, "products?page=2&page_size=9", headers={"User-Agent": "us"})
        ask(sandbox, "vendors", "POST", json={})
        ask(sandbox, "invoices?page=x")
        ask(sandbox, "invoices")
        noted = sandbox.requests

    assert [(a.method, a.endpoint, a.page, a.page_size, a.status) for a in noted] == [
        ("GET", "products", 2, 9, 200),
        ("POST", "vendors", None, None, 201),
        ("GET", "invoices", None, None, 422),
        ("GET", "invoices", 1, None, 429),
    ]
    assert {arrival.at for arrival in noted} == {5.0}
    assert noted[0].headers["user-agent"] == "us"
    assert "authorization" not in noted[0].headers
