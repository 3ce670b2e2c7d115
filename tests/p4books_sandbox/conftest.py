"""A shared sandbox, and a function that sends a request to any sandbox."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from p4books_sandbox import Sandbox

SendRequest = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def shared() -> Iterator[Sandbox]:
    """A sandbox without a rate limit that many tests read and none changes."""
    with Sandbox(invoices=200, limit=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def send() -> SendRequest:
    """Send one request with the sandbox's key, over a new connection."""

    def send_request(
        sandbox: Sandbox, path: str, method: str = "GET", **more: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {sandbox.key}", **more.pop("headers", {})}
        url = path if path.startswith("http") else f"{sandbox.base_url}/{path}"
        timeout = more.pop("timeout", 10)
        return requests.request(
            method, url, headers=headers, timeout=timeout, allow_redirects=False, **more
        )

    return send_request
