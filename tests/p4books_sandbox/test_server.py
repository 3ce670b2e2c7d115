"""How is the sandbox served?"""

import socket
from collections.abc import Callable

import pytest
import requests

from p4books_sandbox import Sandbox
from p4books_sandbox.server import base_url, listen

Ask = Callable[..., requests.Response]


def test_a_free_port() -> None:
    """Port 0 takes a free port of its own each time."""
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
        assert base_url(one) == f"http://127.0.0.1:{one.getsockname()[1]}/api/v1"


def test_a_busy_port() -> None:
    """A port in use is not had."""
    with listen("127.0.0.1", 0) as plug, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", plug.getsockname()[1])


def test_the_sixth_version() -> None:
    """An address of IPv6 stands in brackets."""
    try:
        plug = listen("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with plug:
        assert plug.family == socket.AF_INET6
        assert base_url(plug).startswith("http://[::1]:")


def test_nothing_is_said(ask: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    """Serving writes nothing anywhere, and does not tell what serves."""
    with Sandbox(empty=True) as sandbox:
        answer = ask(sandbox, "products")

    assert "server" not in answer.headers
    assert capfd.readouterr() == ("", "")
