"""The HTTP session: one attempt per call, one host, every request counted."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import urllib3

from p4books.errors import Redirected
from p4books.extract.http import HttpSession, RedirectLoop, Timeouts, TooSlow
from p4books.extract.rate_limiter import RateLimiter
from p4books_sandbox import Fault, Sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox: no test here changes its rows."""
    return shared_sandbox


@pytest.fixture
def limiter(tmp_path: Path) -> RateLimiter:
    """A limiter that never waits."""
    return RateLimiter(tmp_path / "slots.sqlite", 100_000, 60)


@pytest.fixture
def session(sandbox: Sandbox, limiter: RateLimiter) -> HttpSession:
    """A session with the sandbox."""
    return HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(10))


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """Another host that accepts the same key."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


def _redirect(location: str, times: int | None = 1, status: int = 302) -> Fault:
    return Fault("status", status=status, times=times, headers={"Location": location})


def test_get(session: HttpSession, sandbox: Sandbox) -> None:
    """One request returns the complete response and is counted once."""
    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1, "page_size": 2})

    assert response.status == 200
    assert json.loads(response.data)["total"] == 30
    assert (session.counts.requests, session.counts.refused) == (1, 0)


def test_request(session: HttpSession, sandbox: Sandbox) -> None:
    """A request carries the given parameters, the documented headers and the key."""
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
    """A password for the host in .netrc does not replace the key."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\ndefault login me password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200


def test_every_request_takes_a_slot(
    session: HttpSession, sandbox: Sandbox, limiter: RateLimiter
) -> None:
    """Failed requests and those after a redirect take a slot each and release it."""
    sandbox.faults.stage(
        _redirect(f"{sandbox.base_url}/invoices"), Fault("status"), Fault("reset"), Fault("reset")
    )

    session.get(f"{sandbox.base_url}/vendors", {"page": 1})
    for _ in range(2):
        with pytest.raises(urllib3.exceptions.HTTPError):
            session.get(f"{sandbox.base_url}/vendors", {"page": 1})

    assert session.counts.requests == len(sandbox.requests) == 4
    assert 50 < RateLimiter(limiter.path, 4, 60).seconds_for(1) <= 60
    assert RateLimiter(limiter.path, 5, 60).seconds_for(1) == 0


def test_any_status(session: HttpSession, sandbox: Sandbox) -> None:
    """Any status is a response, even a redirect without a location."""
    sandbox.faults.stage(*(Fault("status", status=status) for status in (500, 429, 404, 302)))

    statuses = [session.get(f"{sandbox.base_url}/vendors", {}).status for _ in range(4)]

    assert statuses == [500, 429, 404, 302]


def test_timeout(sandbox: Sandbox, limiter: RateLimiter) -> None:
    """A response that does not arrive in time raises; the session can be used again."""
    sandbox.faults.stage(Fault("slow", seconds=60))
    session = HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(0.05))

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert session.get(f"{sandbox.base_url}/invoices", {"page": 1}).status == 200


def test_truncated(session: HttpSession, sandbox: Sandbox) -> None:
    """A truncated response raises."""
    sandbox.faults.stage(Fault("cut_body"))

    with pytest.raises(urllib3.exceptions.HTTPError):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})


@pytest.fixture
def writable(limiter: RateLimiter) -> Iterator[tuple[Sandbox, HttpSession]]:
    """A P4 Books without rows that tests may write to, and a session with it."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox, HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(0.3))


def test_post(writable: tuple[Sandbox, HttpSession]) -> None:
    """A POST sends its body unchanged, once, and returns the complete response."""
    sandbox, session = writable
    events: list[str] = []

    response = session.post(
        f"{sandbox.base_url}/vendors",
        b'{"code":"V-1"}',
        before_wait=lambda: events.append("wait"),
        before_send=lambda: events.append(f"send after {len(sandbox.requests)}"),
    )

    assert (response.status, json.loads(response.data)["code"]) == (201, "V-1")
    assert events == ["send after 0"]
    assert session.request_sent
    assert session.counts.requests == 1


def test_post_waits(sandbox: Sandbox, tmp_path: Path) -> None:
    """`before_wait` is called before a wait for the limiter, `before_send` after it."""
    events: list[str] = []
    now = [1000.0]

    def sleep(seconds: float) -> None:
        events.append("sleep")
        now[0] += seconds

    limiter = RateLimiter(tmp_path / "one.sqlite", 1, 60, lambda: now[0], sleep)
    limiter.block(0.5)
    session = HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(10))

    session.post(
        f"{sandbox.base_url}/nothing",
        b"{}",
        before_wait=lambda: events.append("wait"),
        before_send=lambda: events.append("send"),
    )

    assert events == ["wait", "sleep", "send"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_post_is_not_redirected(writable: tuple[Sandbox, HttpSession], status: int) -> None:
    """A redirect of a POST is a response like others: nothing is sent twice."""
    sandbox, session = writable
    sandbox.faults.stage(_redirect(f"{sandbox.base_url}/vendors", status=status))

    response = session.post(f"{sandbox.base_url}/vendors", b'{"code":"V-1"}')

    assert response.status == status
    assert len(sandbox.requests) == 1
    assert len(sandbox.books["vendors"]) == 0


@pytest.mark.parametrize("kind", ["reset", "lost", "cut_body", "slow"])
def test_request_sent(writable: tuple[Sandbox, HttpSession], kind: str) -> None:
    """If an established connection fails, the request counts as sent."""
    sandbox, session = writable
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
def test_request_not_sent(writable: tuple[Sandbox, HttpSession], address: str) -> None:
    """If no connection was made the request counts as not sent, even after one that was."""
    sandbox, session = writable
    address = address.format(here=sandbox.base_url.split("/")[2])
    session.post(f"{sandbox.base_url}/vendors", b'{"code":"V-1"}')

    with pytest.raises(urllib3.exceptions.HTTPError):
        session.post(f"{address}/vendors", b'{"code":"V-2"}')

    assert not session.request_sent
    assert session.counts.requests == 2
    assert len(sandbox.books["vendors"]) == 1


@pytest.fixture
def closing() -> Iterator[str]:
    """The address of a server that promises to keep connections, and closes each after use."""
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


def test_closed_connection(closing: str, limiter: RateLimiter) -> None:
    """A connection closed meanwhile is reopened, and the request is sent once."""
    session = HttpSession(closing, "k", limiter, Timeouts(5))

    statuses = []
    for _ in range(3):
        statuses.append(session.post(f"{closing}/vendors", b"{}").status)
        time.sleep(0.05)

    assert statuses == [200, 200, 200]
    assert session.counts.requests == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["{base}/invoices?page=2", "/api/v1/invoices?page=2", "?page=2"]
)
def test_redirect_on_the_same_host(
    session: HttpSession, sandbox: Sandbox, location: str, status: int
) -> None:
    """A redirect on the same host is followed, with the key, and counted."""
    sandbox.faults.stage(_redirect(location.format(base=sandbox.base_url), status=status))

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200
    assert [arrival.page for arrival in sandbox.requests] == [1, 2]
    assert session.counts.requests == 2


def test_redirects_in_a_row(session: HttpSession, sandbox: Sandbox) -> None:
    """Three redirects in a row are followed."""
    sandbox.faults.stage(_redirect(f"{sandbox.base_url}/invoices", times=3))

    assert session.get(f"{sandbox.base_url}/invoices", {"page": 1}).status == 200


def test_redirect_loop(session: HttpSession, sandbox: Sandbox) -> None:
    """A redirect loop is followed three times, then it raises."""
    sandbox.faults.stage(_redirect(f"{sandbox.base_url}/invoices", times=None))

    with pytest.raises(RedirectLoop):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert session.counts.requests == len(sandbox.requests) == 4


def test_redirect_to_another_host(session: HttpSession, sandbox: Sandbox, other: Sandbox) -> None:
    """A redirect to another host, or just another port, raises; the key is not sent there."""
    sandbox.faults.stage(_redirect(f"{other.base_url}/invoices"))

    with pytest.raises(Redirected) as error:
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert other.requests == []
    assert other.base_url.removesuffix("/api/v1") in str(error.value)
    assert sandbox.key not in str(error.value)


@pytest.mark.parametrize(
    "location",
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
def test_disguised_host(
    session: HttpSession, sandbox: Sandbox, other: Sandbox, location: str
) -> None:
    """No way to write an address makes another host pass for this one."""
    hosts = {
        name: each.base_url.split("/")[2]
        for name, each in {"host": sandbox, "other": other}.items()
    }
    sandbox.faults.stage(_redirect(location.format(**hosts)))

    with pytest.raises(Redirected):
        session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert other.requests == []
    assert len(sandbox.requests) == 1


def test_no_proxy_for_this_machine(
    sandbox: Sandbox, other: Sandbox, limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests to this machine bypass any proxy, since the key is not encrypted."""
    monkeypatch.setenv("http_proxy", other.base_url)
    session = HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(10))

    response = session.get(f"{sandbox.base_url}/invoices", {"page": 1})

    assert response.status == 200
    assert other.requests == []


def test_proxy(sandbox: Sandbox, limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to P4 Books go through the configured proxy, which never sees the key."""
    monkeypatch.setenv("https_proxy", sandbox.base_url)
    session = HttpSession("https://acme.invalid/api/v1", sandbox.key, limiter, Timeouts(10))

    with pytest.raises(urllib3.exceptions.ProxyError):
        session.get("https://acme.invalid/api/v1/invoices", {"page": 1})

    assert sandbox.requests == []


class _Compressing(BaseHTTPRequestHandler):
    """Returns `[1]` with the status and in the encoding of its path, and another for `bad`."""

    def do_GET(self) -> None:
        _, status, encoding = self.path.partition("?")[0].split("/")
        body = gzip.compress(b"[1]") if encoding == "gzip" else b"\x81not compressed"
        self.send_response(int(status))
        self.send_header("Content-Encoding", encoding.removeprefix("bad-"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def compressing() -> Iterator[str]:
    """The address of a server that compresses its responses."""
    with HTTPServer(("127.0.0.1", 0), _Compressing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_compressed(compressing: str, limiter: RateLimiter) -> None:
    """A compressed response is decompressed; one that cannot be raises."""
    session = HttpSession(compressing, "key", limiter, Timeouts(10))

    assert session.get(f"{compressing}/200/gzip", {}).data == b"[1]"
    for encoding in ("bad-gzip", "br"):
        with pytest.raises(urllib3.exceptions.DecodeError):
            session.get(f"{compressing}/200/{encoding}", {})


def test_compressed_error(compressing: str, limiter: RateLimiter) -> None:
    """The status of a failure counts even if its message cannot be decompressed."""
    session = HttpSession(compressing, "key", limiter, Timeouts(10))

    response = session.get(f"{compressing}/429/br", {})

    assert (response.status, response.data) == (429, b"")


DRIPS = {
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "body without a length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    "headers": b"HTTP/1.1 200 OK\r\nX-A: ",
    "status": b"HTTP",
}


@pytest.fixture(params=DRIPS.values(), ids=list(DRIPS))
def dripping(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that sends a byte from time to time, and never comes to an end."""
    with socket.create_server(("127.0.0.1", 0)) as plug:

        def serve() -> None:
            connection, _ = plug.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(request.param)
                while True:
                    connection.sendall(b"1")
                    time.sleep(0.02)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{plug.getsockname()[1]}"
        thread.join()


def test_total_time(dripping: str, limiter: RateLimiter) -> None:
    """A response that never ends is given up, although each byte is in time."""
    session = HttpSession(dripping, "key", limiter, Timeouts(silence=10, total=0.2))
    started = time.monotonic()

    with pytest.raises(TooSlow):
        session.get(f"{dripping}/invoices", {})

    assert 0.2 <= time.monotonic() - started < 3
    assert session.request_sent


def test_total_time_of_one_request(sandbox: Sandbox, limiter: RateLimiter) -> None:
    """The total time begins again with each request, on the same connection."""
    session = HttpSession(sandbox.base_url, sandbox.key, limiter, Timeouts(total=0.3))

    for _ in range(3):
        assert session.get(f"{sandbox.base_url}/invoices", {"page": 1}).status == 200
        time.sleep(0.15)


def test_moved(session: HttpSession, sandbox: Sandbox) -> None:
    """A list that moved for good is requested at its new address from then on."""
    here = f"{sandbox.base_url}/vendors"
    sandbox.faults.stage(_redirect("invoices?page=1", times=1, status=308))

    for _ in range(2):
        session.get(here, {"page": 1})

    assert [arrival.endpoint for arrival in sandbox.requests] == ["vendors", *["invoices"] * 2]


def test_moved_page(session: HttpSession, sandbox: Sandbox) -> None:
    """A redirect that changes the parameters, or is temporary, is of that request only."""
    here = f"{sandbox.base_url}/vendors"
    redirects = [_redirect("invoices?page=2", status=308), _redirect("invoices?page=1", status=307)]
    sandbox.faults.stage(*(replace(redirect, endpoint="vendors") for redirect in redirects))

    for _ in range(3):
        session.get(here, {"page": 1})

    assert [arrival.endpoint for arrival in sandbox.requests] == [
        *["vendors", "invoices"] * 2,
        "vendors",
    ]
