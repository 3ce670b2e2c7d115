"""How does a request leave?"""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import urllib3

from p4books.errors import Redirected
from p4books.extract.http import HttpSession
from p4books.extract.rate_limiter import RateLimiter
from p4books_sandbox import Fault, Sandbox


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    """The sandbox of these tests: none of them changes a row."""
    return standing


@pytest.fixture
def slots(tmp_path: Path) -> RateLimiter:
    """A throttle that lets everything leave at once."""
    return RateLimiter(tmp_path / "slots.sqlite", 100_000, 60)


@pytest.fixture
def session(sandbox: Sandbox, slots: RateLimiter) -> HttpSession:
    """A session with the test's sandbox."""
    return HttpSession(sandbox.base_url, sandbox.key, slots, timeout=10)


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """Another host, that knows the same key."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


def _redirect(to: str, times: int | None = 1, status: int = 302) -> Fault:
    return Fault("status", status=status, times=times, headers={"Location": to})


def test_get(session: HttpSession, sandbox: Sandbox) -> None:
    """One request brings the whole answer, and costs one."""
    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1, "page_size": 2})

    assert response.status == 200
    assert json.loads(response.data)["total"] == 30
    assert (session.counts.requests, session.counts.refused) == (1, 0)


def test_what_it_asks(session: HttpSession, sandbox: Sandbox) -> None:
    """A request has the parameters asked for, the documented headers, and the key."""
    session.get(f"{sandbox.base_url}/invoices", {"page": 3, "page_size": 20, "odd & name": "ñ"})

    (arrival,) = sandbox.requests
    assert (arrival.method, arrival.endpoint) == ("GET", "invoices")
    assert (arrival.page, arrival.page_size, arrival.status) == (3, 20, 200)
    assert arrival.headers["content-type"] == "application/json"
    assert arrival.headers["accept"] == "application/json"
    assert arrival.headers["accept-encoding"] == "gzip"


def test_netrc(
    session: HttpSession, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that .netrc has for the host does not replace the key."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\ndefault login me password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200


def test_every_try_passes_the_throttle(
    session: HttpSession, sandbox: Sandbox, slots: RateLimiter
) -> None:
    """Requests that fail, and those after a redirect, take a slot each and give it back."""
    sandbox.faults.stage(
        _redirect(f"{sandbox.base_url}/invoices"), Fault("status"), Fault("reset"), Fault("reset")
    )

    session.get(f"{sandbox.base_url}/vendors", {"page": 1})
    for _ in range(2):
        with pytest.raises(urllib3.exceptions.HTTPError):
            session.get(f"{sandbox.base_url}/vendors", {"page": 1})

    assert session.counts.requests == len(sandbox.requests) == 4
    assert 50 < RateLimiter(slots.path, 4, 60).seconds_for(1) <= 60
    assert RateLimiter(slots.path, 5, 60).seconds_for(1) == 0


def test_statuses_are_not_judged(session: HttpSession, sandbox: Sandbox) -> None:
    """Any status is an answer, also a redirect that does not say where to."""
    sandbox.faults.stage(*(Fault("status", status=status) for status in (500, 429, 404, 302)))

    statuses = [session.get(f"{sandbox.base_url}/vendors", {}).status for _ in range(4)]

    assert statuses == [500, 429, 404, 302]


def test_nothing_comes(sandbox: Sandbox, slots: RateLimiter) -> None:
    """An answer that does not come in time is not waited for."""
    sandbox.faults.stage(Fault("slow", seconds=60))
    session = HttpSession(sandbox.base_url, sandbox.key, slots, timeout=0.05)

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert session.get(f"{sandbox.base_url}/invoices", {"page": 1}).status == 200


def test_cut_off(session: HttpSession, sandbox: Sandbox) -> None:
    """An answer that breaks off is no answer."""
    sandbox.faults.stage(Fault("cut_body"))

    with pytest.raises(urllib3.exceptions.HTTPError):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})


# What creates.


@pytest.fixture
def wholesale(slots: RateLimiter) -> Iterator[tuple[Sandbox, HttpSession]]:
    """A P4 Books without rows, to which records may be added, and a session with it."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox, HttpSession(sandbox.base_url, sandbox.key, slots, timeout=0.3)


def test_post(wholesale: tuple[Sandbox, HttpSession]) -> None:
    """A POST sends its body as it is, once, and brings the whole answer."""
    sandbox, session = wholesale
    happened: list[str] = []

    answer = session.post(
        f"{sandbox.base_url}/vendors",
        b'{"code":"V-1"}',
        before_wait=lambda: happened.append("waits"),
        before_send=lambda: happened.append(f"leaves as one of {len(sandbox.requests)}"),
    )

    assert (answer.status, json.loads(answer.data)["code"]) == (201, "V-1")
    assert happened == ["leaves as one of 0"]
    assert session.request_sent
    assert session.counts.requests == 1


def test_post_waits(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is said that a request waits under the limit before it does, and then that it leaves."""
    happened: list[str] = []
    slots = RateLimiter(tmp_path / "one.sqlite", 1, 0.2, sleep=lambda _: happened.append("slept"))
    slots.block(0.2)
    session = HttpSession(sandbox.base_url, sandbox.key, slots, timeout=10)

    session.post(
        f"{sandbox.base_url}/nothing",
        b"{}",
        before_wait=lambda: happened.append("waits"),
        before_send=lambda: happened.append("leaves"),
    )

    assert happened[:2] == ["waits", "slept"]
    assert happened[-1] == "leaves"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_post_is_not_sent_on(wholesale: tuple[Sandbox, HttpSession], status: int) -> None:
    """A redirect of a POST is an answer like others: nothing is sent a second time."""
    sandbox, session = wholesale
    sandbox.faults.stage(_redirect(f"{sandbox.base_url}/vendors", status=status))

    answer = session.post(f"{sandbox.base_url}/vendors", b'{"code":"V-1"}')

    assert answer.status == status
    assert len(sandbox.requests) == 1
    assert len(sandbox.books["vendors"]) == 0


@pytest.mark.parametrize("kind", ["reset", "lost", "cut_body", "slow"])
def test_left(wholesale: tuple[Sandbox, HttpSession], kind: str) -> None:
    """Where a connection fails after it stood, it is known that the request may have arrived."""
    sandbox, session = wholesale
    sandbox.faults.stage(Fault(kind, seconds=5))

    with pytest.raises(urllib3.exceptions.HTTPError):
        session.post(f"{sandbox.base_url}/vendors", b'{"code":"V-1"}')

    assert session.request_sent
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/api/v1",
        "https://127.0.0.1:1/api/v1",
        "http://nowhere.invalid/api/v1",
        "https://{here}/api/v1",
    ],
)
def test_nothing_left(wholesale: tuple[Sandbox, HttpSession], address: str) -> None:
    """Where no connection came about, no byte of the request left, be it after one that did."""
    sandbox, session = wholesale
    address = address.format(here=sandbox.base_url.split("/")[2])
    session.post(f"{sandbox.base_url}/vendors", b'{"code":"V-1"}')

    with pytest.raises(urllib3.exceptions.HTTPError):
        session.post(f"{address}/vendors", b'{"code":"V-2"}')

    assert not session.request_sent
    assert session.counts.requests == 2
    assert len(sandbox.books["vendors"]) == 1


@pytest.fixture
def closing() -> Iterator[str]:
    """The address of a server that says it keeps connections, and closes each after an answer."""
    with socket.create_server(("127.0.0.1", 0)) as plug:

        def serve() -> None:
            while True:
                try:
                    connection, _ = plug.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{plug.getsockname()[1]}"
        plug.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_connection_that_was_closed(closing: str, slots: RateLimiter) -> None:
    """A connection that was closed meanwhile is opened anew, and the request leaves once."""
    session = HttpSession(closing, "k", slots, timeout=5)

    statuses = []
    for _ in range(3):
        statuses.append(session.post(f"{closing}/vendors", b"{}").status)
        time.sleep(0.05)

    assert statuses == [200, 200, 200]
    assert session.counts.requests == 3


# Redirects.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["{base}/invoices?page=2", "/api/v1/invoices?page=2", "?page=2"])
def test_same_host(session: HttpSession, sandbox: Sandbox, to: str, status: int) -> None:
    """A redirect on the same host is followed, with the key, and counted."""
    sandbox.faults.stage(_redirect(to.format(base=sandbox.base_url), status=status))

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200
    assert [arrival.page for arrival in sandbox.requests] == [1, 2]
    assert session.counts.requests == 2


def test_circle(session: HttpSession, sandbox: Sandbox) -> None:
    """Redirects that lead in a circle are followed three times, then it is an error."""
    sandbox.faults.stage(_redirect(f"{sandbox.base_url}/invoices", times=None))

    with pytest.raises(urllib3.exceptions.HTTPError, match="redirect loop"):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert session.counts.requests == len(sandbox.requests) == 3


def test_another_host(session: HttpSession, sandbox: Sandbox, other: Sandbox) -> None:
    """A redirect to another host, be it only another port, is not followed; the key stays here."""
    sandbox.faults.stage(_redirect(f"{other.base_url}/invoices"))

    with pytest.raises(Redirected) as error:
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert other.requests == []
    assert other.base_url.removesuffix("/api/v1") in str(error.value)
    assert sandbox.key not in str(error.value)


@pytest.mark.parametrize(
    "to",
    [
        "https://{host}/api/v1/invoices",
        "//{other}/api/v1/invoices",
        "http://{host}@{other}/api/v1/invoices",
        "http://{host}\\@{other}/api/v1/invoices",
        "http://x:y@{host}/api/v1/invoices",
        "http://{other}#@{host}/",
        "http://localhost/api/v1/invoices",
        "ftp://{host}/invoices",
        "http://[::1",
        "http://{host}]/",
    ],
)
def test_tricks(session: HttpSession, sandbox: Sandbox, other: Sandbox, to: str) -> None:
    """No way to write an address makes another host look like this one."""
    hosts = {
        name: each.base_url.split("/")[2]
        for name, each in {"host": sandbox, "other": other}.items()
    }
    sandbox.faults.stage(_redirect(to.format(**hosts)))

    with pytest.raises(Redirected):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert other.requests == []
    assert len(sandbox.requests) == 1


# What stands between.


def test_no_proxy_on_this_machine(
    sandbox: Sandbox, other: Sandbox, slots: RateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes to this machine goes there, whatever proxy is set: the key is not encrypted."""
    monkeypatch.setenv("http_proxy", other.base_url)
    session = HttpSession(sandbox.base_url, sandbox.key, slots, timeout=10)

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200
    assert other.requests == []


def test_proxy(sandbox: Sandbox, slots: RateLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    """To P4 Books the way leads through the proxy that is set, which never sees the key."""
    monkeypatch.setenv("https_proxy", sandbox.base_url)
    session = HttpSession("https://acme.invalid/api/v1", sandbox.key, slots, timeout=10)

    with pytest.raises(urllib3.exceptions.ProxyError):
        session.get("https://acme.invalid/api/v1/invoices", {"page": 1})

    assert sandbox.requests == []


class _Zipped(BaseHTTPRequestHandler):
    """Answers with a body that gzip made, or that only says so."""

    def do_GET(self) -> None:
        body = gzip.compress(b"[1]") if "good" in self.path else b"not zipped"
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def zipping() -> Iterator[str]:
    """The address of a server that zips its answers."""
    with HTTPServer(("127.0.0.1", 0), _Zipped) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_zipped(zipping: str, slots: RateLimiter) -> None:
    """A zipped answer is unpacked; one that can't be unpacked is no answer."""
    session = HttpSession(zipping, "key", slots, timeout=10)

    assert session.get(f"{zipping}/good", {}).data == b"[1]"
    with pytest.raises(urllib3.exceptions.DecodeError):
        session.get(f"{zipping}/bad", {})
