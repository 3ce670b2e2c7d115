"""HTTP server, and the exchange of a request and its response."""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from p4books_sandbox import Fault, Sandbox
from p4books_sandbox.server import format_base_url, open_listener

SendRequest = Callable[..., requests.Response]


def test_free_port() -> None:
    """Port 0 binds another free port each time."""
    with open_listener("127.0.0.1", 0) as one, open_listener("127.0.0.1", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
        assert format_base_url(one) == f"http://127.0.0.1:{one.getsockname()[1]}/api/v1"


def test_busy_port() -> None:
    """A port that is in use is an error."""
    with open_listener("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        open_listener("127.0.0.1", listener.getsockname()[1])


def test_ipv6() -> None:
    """An IPv6 address is written in brackets."""
    try:
        listener = open_listener("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert listener.family == socket.AF_INET6
        assert format_base_url(listener).startswith("http://[::1]:")


def test_no_output(send: SendRequest, capfd: pytest.CaptureFixture[str]) -> None:
    """Serving writes nothing, and responses do not name the server."""
    with Sandbox(empty=True) as sandbox:
        response = send(sandbox, "products")

    assert "server" not in response.headers
    assert capfd.readouterr() == ("", "")


def test_keep_alive(shared: Sandbox) -> None:
    """Consecutive requests use one connection."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {shared.key}"
        ports = set()
        for _ in range(3):
            response: Any = session.get(f"{shared.base_url}/products", stream=True)
            ports.add(response.raw.connection.sock.getsockname()[1])
            response.content  # noqa: B018 - read to its end, which returns the connection

    assert len(ports) == 1


@pytest.mark.parametrize("kind", ["slow", "late"])
def test_stop_with_a_request_in_progress(
    send: SendRequest, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """A sandbox stops soon and quietly although a response is delayed, client gone or not."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault(kind, seconds=600))
        with pytest.raises(requests.exceptions.ReadTimeout):
            send(sandbox, "products", "POST", json={}, timeout=0.1)
        began = time.monotonic()

    assert time.monotonic() - began < 3
    assert capfd.readouterr() == ("", "")


def test_captured_response_is_forwarded(send: SendRequest) -> None:
    """A response that was captured is sent with its own status and headers."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("wrong_page_echo"))

        response = send(sandbox, "products?page=x")

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["reset", "cut_body", "lost"])
def test_broken_connection_is_quiet(
    send: SendRequest, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """Breaking a connection writes nothing, and the next request gets its response."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault(kind))
        with pytest.raises(requests.exceptions.RequestException):
            send(sandbox, "products")

        assert send(sandbox, "products").status_code == 200

    assert capfd.readouterr() == ("", "")


def test_incomplete_request(send: SendRequest) -> None:
    """A request that did not arrive completely changes nothing, late or not."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("late", seconds=0))
        address = urlsplit(sandbox.base_url)
        with socket.create_connection((str(address.hostname), address.port), timeout=5) as client:
            client.sendall(
                b"POST /api/v1/products HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 99\r\n"
                b"Authorization: Bearer sandbox-key\r\n\r\n{}"
            )
        while sandbox.faults.staged():
            time.sleep(0.01)

        assert send(sandbox, "products").json()["total"] == 0


def test_length_of_a_cut_body() -> None:
    """A cut body announces its whole length and ends half-way."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("cut_body"))
        address = urlsplit(sandbox.base_url)
        client = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
        client.request(
            "GET", address.path + "/products", headers={"Authorization": "Bearer sandbox-key"}
        )
        response = client.getresponse()
        with pytest.raises(http.client.IncompleteRead) as broken:
            response.read()
        client.close()

    whole = b'{"data":[],"total":0,"page":1}'
    assert response.headers["content-length"] == str(len(whole))
    assert broken.value.partial == whole[:15]
