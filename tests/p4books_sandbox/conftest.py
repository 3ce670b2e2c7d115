"""A sandbox to read from, and a way to ask any sandbox."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from p4books_sandbox import Sandbox

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def shared() -> Iterator[Sandbox]:
    """A sandbox without limit that many tests read and none changes."""
    with Sandbox(invoices=200, limit=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Send one request with the sandbox's key, over a connection of its own."""

    def send(sandbox: Sandbox, path: str, method: str = "GET", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {sandbox.key}", **more.pop("headers", {})}
        url = path if path.startswith("http") else f"{sandbox.base_url}/{path}"
        timeout = more.pop("timeout", 10)
        return requests.request(
            method, url, headers=headers, timeout=timeout, allow_redirects=False, **more
        )

    return send
